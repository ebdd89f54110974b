package app

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// hungUp says what came until the server hung up; that it does not is a failure.
func hungUp(t *testing.T, c net.Conn) string {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	text, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the server holds on to a connection on which nothing moves; it said %q", text)
	}
	return string(text)
}

func send(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c
}

// Clients that send nothing more, at each place where they can stop.
func TestClientsThatStopAreGivenUp(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Limits.ReadHeader, c.Limits.BodyGrace, c.Limits.Idle = 150*time.Millisecond, 150*time.Millisecond, 150*time.Millisecond
	s, _ := start(t, c)
	upload, err := visitor.Post(s.URL()+"/v2/acme/hello/blobs/uploads/", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	upload.Body.Close()
	for name, row := range map[string]struct{ sent, want string }{
		"in the headers":           {"GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-A: ", ""},
		"after an answer":          {"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", "200 OK"},
		"in the body of a call":    {"POST /api/v1/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"plugins\":", "408 Request Timeout"},
		"in an upload":             {"PATCH " + upload.Header.Get("Location") + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\nabc", "408 Request Timeout"},
		"in an upload at once":     {"POST /v2/acme/hello/blobs/uploads/?digest=sha256:" + strings.Repeat("a", 64) + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\nabc", "408 Request Timeout"},
		"in a form for a token":    {"POST /auth/token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 500\r\n\r\ngrant", "408 Request Timeout"},
		"in a refused body":        {"POST /api/v1/x%00 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{", "400 Bad Request"},
		"in a body from elsewhere": {"POST /api/v1/resolve HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 500\r\n\r\n{", "403 Forbidden"},
		"in a manifest":            {"PUT /v2/acme/hello/manifests/1.0.0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500\r\n\r\n{", "408 Request Timeout"},
		"in a body nobody reads":   {"POST /nothing HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\n\r\n{", "404 Not Found"},
		"in a body without length": {"POST /api/v1/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"plu", "408 Request Timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hungUp(t, send(t, s.Addr(), row.sent))
			if !strings.Contains(got, row.want) || strings.Contains(got, " 500 ") || strings.HasPrefix(got, "HTTP/1.1 2") && row.want != "200 OK" {
				t.Errorf("answered %q", got)
			}
		})
	}
}

func TestConnectionsAndRequestsAreBounded(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Limits.Connections, c.Limits.Requests = 3, 1
	s, _ := start(t, c)
	busy := send(t, s.Addr(), "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("events: %v %v", resp, err)
	}
	one := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer one.CloseIdleConnections()
	for path, want := range map[string]int{"/api/v1/catalog": 503, "/v2/": 503, "/livez": 200, "/metrics": 200} {
		resp, err := one.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || want == 503 && resp.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

// K6: the signal, or the watch, takes up the new files; clients that stay connected notice nothing.
func TestTheCertificateIsReadAgain_K6(t *testing.T) {
	t.Parallel()
	c, other := configured(t), configured(t)
	pool := certificate(t, &c)
	s, _ := start(t, c)
	shake := func() *tls.ConnectionState {
		t.Helper()
		conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		state := conn.ConnectionState()
		return &state
	}
	first := shake().PeerCertificates[0]
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, MaxConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	stays := &http.Client{Transport: transport}
	livez := func() {
		t.Helper()
		resp, err := stays.Get(s.URL() + "/livez")
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	livez()
	certificate(t, &other)
	for from, to := range map[string]string{other.TLSCert: c.TLSCert, other.TLSKey: c.TLSKey} {
		raw, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, raw, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if shake().PeerCertificates[0].Equal(first) {
		t.Error("the earlier certificate serves")
	}
	livez()
	if err := os.WriteFile(c.TLSCert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(t.Context()); err == nil {
		t.Error("a broken certificate is taken")
	}
	shake()
}

// Guesses are counted by the client that a named proxy speaks for; nobody
// else can say to be somebody else.
func TestAddressesBehindNamedProxies_B7(t *testing.T) {
	t.Parallel()
	guess := func(s *Server, from string) int {
		r, err := http.NewRequest("GET", s.URL()+"/auth/token", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ci", "wrong")
		r.Header.Set("X-Forwarded-For", from)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	slow := func(c *config.Config) { c.Rate = config.Rate{Logins: 0.001, LoginBurst: 1} }
	behind, _ := startGuarded(t, func(c *config.Config) { slow(c); c.TrustedProxies = []string{"127.0.0.0/8"} })
	open, _ := startGuarded(t, slow)
	if a, b, again := guess(behind, "198.51.100.1"), guess(behind, "198.51.100.2"), guess(behind, "198.51.100.1"); a != 401 || b != 401 || again != 429 {
		t.Errorf("behind a named proxy: %d, %d, the first again %d", a, b, again)
	}
	if a, b := guess(open, "198.51.100.1"), guess(open, "198.51.100.2"); a != 401 || b != 429 {
		t.Errorf("who says to be a proxy: %d, %d", a, b)
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	for given, kept := range map[string]bool{"build-17.a_b": true, "": false, strings.Repeat("x", 65): false, "a b": false, "x\tlevel=error": false} {
		for _, path := range []string{"/api/v1/plugins/acme/none", "/v2/acme/none/manifests/1.0.0", "/auth/none", "/nothing"} {
			r, err := http.NewRequest("GET", s.URL()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header[index.RequestIDHeader] = []string{given}
			resp, err := visitor.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			id := resp.Header.Get(index.RequestIDHeader)
			if id == "" || (id == given) != kept {
				t.Errorf("%s: id %q was given, %q came back", path, given, id)
			}
			var p index.Problem
			if !strings.HasPrefix(path, "/v2/") && (json.Unmarshal(body, &p) != nil || p.RequestID != id) {
				t.Errorf("%s: the answer %s does not say its id %s", path, body, id)
			}
		}
	}
}
