package outbound_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/outbound"
)

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "172.15.0.1": true, "172.32.0.1": true, "100.63.0.1": true, "100.128.0.1": true, "2606:4700::1111": true, "2a00::1": true,
		"0.0.0.0": false, "0.1.2.3": false, "10.0.0.1": false, "100.64.0.1": false, "100.127.255.255": false, "127.0.0.1": false, "127.1.2.3": false,
		"169.254.169.254": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false, "192.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false,
		"198.51.100.1": false, "203.0.113.1": false, "224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::": false, "::1": false, "::ffff:8.8.8.8": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "64:ff9b::7f00:1": false, "64:ff9b::808:808": false,
		"64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "fc00::1": false, "fd12::1": false, "fe80::1": false,
		"fe80::1%eth0": false, "fec0::1": false, "ff02::1": false, "100::1": false, "4000::1": false, "fd00:ec2::254": false,
	} {
		err := outbound.CheckAddress(netip.MustParseAddr(address))
		if (err == nil) != public || err != nil && !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v, public %v", address, err, public)
		}
	}
	lan := netip.MustParsePrefix("10.0.0.0/8")
	if err := outbound.CheckAddress(netip.MustParseAddr("10.1.2.3"), lan); err != nil {
		t.Errorf("an allowed network: %v", err)
	}
	if err := outbound.CheckAddress(netip.MustParseAddr("127.0.0.1"), lan); err == nil {
		t.Error("one allowed network lets another through")
	}
}

func get(t *testing.T, client *http.Client, url string) ([]byte, error) {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

// What is resolved counts, not what is written: a name of this machine is
// refused like its address, until the operator names it.
func TestTheAddressIsLookedAtAfterDNS(t *testing.T) {
	t.Parallel()
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	t.Cleanup(s.Close)
	port := s.Listener.Addr().String()
	port = port[strings.LastIndexByte(port, ':'):]
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST.", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"} {
		if _, err := get(t, outbound.New(outbound.Options{}), "http://"+host+port); err == nil {
			t.Errorf("%s is reached", host)
		}
	}
	if _, err := get(t, outbound.New(outbound.Options{}), "http://localhost"+port); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("localhost: %v, expected ErrDenied", err)
	}
	if asked != 0 {
		t.Errorf("%d requests arrived", asked)
	}
	for name, o := range map[string]outbound.Options{
		"its host":    {Hosts: []string{"LocalHost"}},
		"its network": {Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}},
		"any":         {AnyAddressUnsafe: true},
	} {
		if _, err := get(t, outbound.New(o), "http://localhost"+port); err != nil {
			t.Errorf("allowed by %s: %v", name, err)
		}
	}
}

func TestRedirectsAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(s.Close)
	u, _ := url.Parse(s.URL)
	named := outbound.Options{Hosts: []string{"127.0.0.1"}}
	if _, err := get(t, outbound.New(named), s.URL+"?to=/x"); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("a redirect without leave: %v", err)
	}
	named.Redirects = 1
	if _, err := get(t, outbound.New(named), s.URL+"?to=/x"); err != nil {
		t.Errorf("one redirect of one: %v", err)
	}
	for _, to := range []string{"http://localhost:" + u.Port() + "/", "file:///etc/passwd", "/?to=/x"} {
		if _, err := get(t, outbound.New(named), s.URL+"?to="+url.QueryEscape(to)); err == nil {
			t.Errorf("a redirect to %s is followed", to)
		}
	}
	secure := httptest.NewTLSServer(http.RedirectHandler(s.URL, http.StatusFound))
	t.Cleanup(secure.Close)
	named.TLS = secure.Client().Transport.(*http.Transport).TLSClientConfig
	if _, err := get(t, outbound.New(named), secure.URL); err == nil || !strings.Contains(err.Error(), "from https") {
		t.Errorf("a redirect away from TLS: %v", err)
	}
}

// No proxy of the environment is asked: t.Setenv would reach other tests, so
// the transport itself is looked at by a proxy that the operator named.
func TestOnlyANamedProxyIsAsked(t *testing.T) {
	var proxied int
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied++ }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("http_proxy", proxy.URL)
	if _, err := get(t, outbound.New(outbound.Options{Timeout: time.Second}), "http://192.0.2.1/"); err == nil || proxied != 0 {
		t.Errorf("the proxy of the environment was asked %d times: %v", proxied, err)
	}
	u, _ := url.Parse(proxy.URL)
	if _, err := get(t, outbound.New(outbound.Options{Proxy: http.ProxyURL(u)}), "http://192.0.2.1/"); err != nil || proxied != 1 {
		t.Errorf("the proxy that was named was asked %d times: %v", proxied, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		flush := func() { _ = http.NewResponseController(w).Flush() }
		switch r.URL.Path {
		case "/long":
			w.Header().Set("Content-Length", "1001")
			_, _ = w.Write(make([]byte, 1001))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 100)); err != nil {
					return
				}
				flush()
			}
		case "/fits":
			_, _ = w.Write(make([]byte, 1000))
		case "/silent":
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		case "/drip":
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte("x"))
				flush()
				select {
				case <-hang:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		case "/headers":
			for i := range 200 {
				w.Header().Add("X", strings.Repeat("a", 1000)+string(rune('a'+i%26)))
			}
		}
	}))
	t.Cleanup(func() { close(hang); s.Close() })
	o := outbound.Options{Hosts: []string{"127.0.0.1"}, Bytes: 1000, Pace: outbound.Pace{Window: 200 * time.Millisecond, Bytes: 500}}
	if b, err := get(t, outbound.New(o), s.URL+"/fits"); err != nil || len(b) != 1000 {
		t.Errorf("an answer that fits: %d bytes, %v", len(b), err)
	}
	for _, path := range []string{"/long", "/endless"} {
		if _, err := get(t, outbound.New(o), s.URL+path); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v, expected ErrInvalid", path, err)
		}
	}
	for _, path := range []string{"/silent", "/drip"} {
		if _, err := get(t, outbound.New(o), s.URL+path); err == nil || !strings.Contains(err.Error(), "less than 500 bytes") {
			t.Errorf("%s: %v, expected that it is too slow", path, err)
		}
	}
	if _, err := get(t, outbound.New(o), s.URL+"/headers"); err == nil {
		t.Error("headers of 200 kB are taken")
	}
	o.Pace, o.Timeout = outbound.Pace{}, 100*time.Millisecond
	if _, err := get(t, outbound.New(o), s.URL+"/silent"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an answer that is late: %v", err)
	}
}

// What the caller does between two reads is not the other side's slowness.
func TestASlowReaderIsNotASlowAnswer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100)) }))
	t.Cleanup(s.Close)
	client := outbound.New(outbound.Options{Hosts: []string{"127.0.0.1"}, Pace: outbound.Pace{Window: 50 * time.Millisecond, Bytes: 1000}})
	resp, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-time.After(100 * time.Millisecond) // longer than the window
	if b, err := io.ReadAll(resp.Body); err != nil || len(b) != 100 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
