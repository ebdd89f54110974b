package edge

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// From, then headers; what next sees of address and host.
func TestOnlyNamedProxiesAreBelieved(t *testing.T) {
	t.Parallel()
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.7", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		from    string
		headers []string
		want    string
	}{
		"a stranger is nobody's proxy":                   {"203.0.113.5:99", []string{"X-Forwarded-For", "198.51.100.1", "X-Forwarded-Host", "evil.example"}, "203.0.113.5:99 registry.example.org"},
		"a proxy names its client":                       {"10.1.2.3:99", []string{"X-Forwarded-For", "198.51.100.1", "X-Forwarded-Host", "plugins.example.org"}, "198.51.100.1:0 plugins.example.org"},
		"what the client made up before is not believed": {"10.1.2.3:99", []string{"X-Forwarded-For", "127.0.0.1, 198.51.100.1"}, "198.51.100.1:0 registry.example.org"},
		"a chain of proxies":                             {"10.1.2.3:99", []string{"X-Forwarded-For", "198.51.100.1, 192.0.2.7, 10.9.9.9"}, "198.51.100.1:0 registry.example.org"},
		"several lines are one list":                     {"10.1.2.3:99", []string{"X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "198.51.100.1"}, "198.51.100.1:0 registry.example.org"},
		"the standard form":                              {"10.1.2.3:99", []string{"Forwarded", `for="[2001:db8::7]:1234";host=plugins.example.org;proto=https`}, "[2001:db8::7]:0 plugins.example.org"},
		"the standard form counts first":                 {"10.1.2.3:99", []string{"X-Forwarded-For", "127.0.0.1", "Forwarded", "For=198.51.100.1"}, "198.51.100.1:0 registry.example.org"},
		"a hidden client leaves the proxy":               {"10.1.2.3:99", []string{"Forwarded", "for=unknown"}, "10.1.2.3:99 registry.example.org"},
		"nonsense ends the chain":                        {"10.1.2.3:99", []string{"X-Forwarded-For", "198.51.100.1, what, 10.9.9.9"}, "10.9.9.9:0 registry.example.org"},
		"a host that is none":                            {"10.1.2.3:99", []string{"X-Forwarded-Host", "a b/../c", "X-Real-IP", "198.51.100.1"}, "198.51.100.1:0 registry.example.org"},
		"a proxy over IPv6":                              {"[fd00::1]:99", []string{"X-Forwarded-For", "::ffff:198.51.100.1"}, "198.51.100.1:0 registry.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/v2/", nil)
			r.RemoteAddr, r.Host = row.from, "registry.example.org"
			for i := 0; i < len(row.headers); i += 2 {
				r.Header.Add(row.headers[i], row.headers[i+1])
			}
			before := r.Header.Clone()
			proxies.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if got := r.RemoteAddr + " " + r.Host; got != row.want {
					t.Errorf("%s, expected %s", got, row.want)
				}
				if forwarded(r.Header) {
					t.Errorf("what was said is passed on: %v", r.Header)
				}
			})).ServeHTTP(httptest.NewRecorder(), r)
			if len(r.Header) != len(before) {
				t.Error("the request itself was changed")
			}
		})
	}
}

func TestProxiesAreReadWithCare(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "proxy.example.org", "10.0.0.0/33", "0.0.0.0/0", "::/0"} {
		if _, err := ParseProxies([]string{text}); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzForwarded(f *testing.F) {
	f.Add(`for="[2001:db8::7]:1234";host=a`, "1.2.3.4, x", "h")
	proxies, err := ParseProxies([]string{"10.0.0.0/8"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, standard, chain, host string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "10.0.0.1:1"
		r.Header.Set("Forwarded", standard)
		if standard == "" {
			r.Header.Del("Forwarded")
		}
		r.Header.Set("X-Forwarded-For", chain)
		r.Header.Set("X-Forwarded-Host", host)
		proxies.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if _, err := netip.ParseAddrPort(r.RemoteAddr); err != nil {
				t.Errorf("address %q: %v", r.RemoteAddr, err)
			}
			if !validHost(r.Host) {
				t.Errorf("host %q", r.Host)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
	})
}
