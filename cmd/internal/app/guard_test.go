package app

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// askAs sends a request with a Host and headers of its own.
func askAs(t *testing.T, s *Server, method, path, host string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, s.URL()+path, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	resp, err := visitor.Transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestDevIsForThisMachine_B12: a page of another site reaches nothing of a
// server that asks for no login, neither across sites nor by a name of its own
// that resolves to 127.0.0.1.
func TestDevIsForThisMachine_B12(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	port := s.Addr()[strings.LastIndex(s.Addr(), ":"):]
	const upload = "/v2/acme/hello/blobs/uploads/"
	for name, c := range map[string]struct {
		method, path, host string
		headers            map[string]string
		refused            bool
	}{
		"a program":                         {"POST", upload, s.Addr(), nil, false},
		"by name":                           {"POST", upload, "LocalHost" + port, nil, false},
		"by IPv6":                           {"GET", "/api/v1/catalog", "[::1]" + port, nil, false},
		"a page of the server":              {"POST", "/api/v1/admin/rebuild", s.Addr(), map[string]string{"Origin": "http://" + s.Addr(), "Sec-Fetch-Site": "same-origin"}, false},
		"a rebound page reads":              {"GET", "/api/v1/whoami", "evil.example" + port, nil, true},
		"a rebound page reads the registry": {"GET", "/v2/_catalog", "evil.example" + port, nil, true},
		"a rebound page reads a page":       {"GET", "/", "evil.example" + port, nil, true},
		"a rebound page pushes":             {"POST", upload, "evil.example" + port, map[string]string{"Origin": "http://evil.example" + port, "Sec-Fetch-Site": "same-origin"}, true},
		"a rebound page makes a token":      {"POST", "/api/v1/tokens", "evil.example" + port, map[string]string{"Origin": "http://evil.example" + port}, true},
		"a rebound page gets a token":       {"GET", "/auth/token", "evil.example" + port, nil, true},
		"a name that ends like loopback":    {"GET", "/v2/", "127.0.0.1.evil.example" + port, nil, true},
		"an address of the network":         {"GET", "/v2/", "192.0.2.7" + port, nil, true},
		"every address":                     {"GET", "/v2/", "0.0.0.0" + port, nil, true},
		"cross-site upload":                 {"POST", upload, s.Addr(), map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, true},
		"cross-site upload, old browser":    {"POST", upload, s.Addr(), map[string]string{"Origin": "https://evil.example"}, true},
		"cross-site by a local page":        {"POST", upload, s.Addr(), map[string]string{"Origin": "http://127.0.0.1:1"}, true},
		"cross-site without origin":         {"POST", upload, s.Addr(), map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
		"a sandboxed page":                  {"GET", "/v2/_catalog", s.Addr(), map[string]string{"Origin": "null"}, true},
		"an image of another page":          {"GET", "/v2/_catalog", s.Addr(), map[string]string{"Sec-Fetch-Site": "cross-site"}, true},
	} {
		resp, body := askAs(t, s, c.method, c.path, c.host, c.headers)
		if (resp.StatusCode == http.StatusForbidden) != c.refused {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
		if c.refused && !json.Valid([]byte(body)) {
			t.Errorf("%s: %s", name, body)
		}
	}
}

// TestNUL_D7: no text holds a NUL, wherever it stands.
func TestNUL_D7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	for _, path := range []string{
		"/v2/acme/a%00b/manifests/1.0.0", "/v2/acme/a/tags/list?last=a%00", "/api/v1/namespaces/a%00", "/api/v1/accounts/person:a%2500", "/api/v1/plugins?q=%00",
		"/auth/token?scope=%00", "/auth/login?return_to=/%00", "/publishers/%00",
	} {
		resp, body := askAs(t, s, "GET", path, s.Addr(), map[string]string{"Authorization": "Bearer " + admin})
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(body, "NUL") {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	for body, want := range map[string]int{`{"name":"a\u0000"}`: 400, `{"name":"a\\u0000"}`: 400, `{"role":"reader","email":"a\u0000@example.org"}`: 400, `{"name":"ac\u006de"}`: 201} {
		r, err := http.NewRequest("POST", s.URL()+"/api/v1/namespaces", bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+admin)
		resp, err := visitor.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || strings.Contains(body, `a\u0000`) && !strings.Contains(body, `\\`) && !strings.Contains(string(text), "NUL") {
			t.Errorf("%s: %s %s", body, resp.Status, text)
		}
	}
	ask[index.Problem](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "a\x00"}, http.StatusBadRequest)
}

// TestBodiesSayOneThing_D7: what is checked against the schema is what is done,
// for a key that comes twice and for one that differs in case alone.
func TestBodiesSayOneThing_D7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	for _, row := range []struct{ path, body string }{
		{"/api/v1/namespaces", `{"name":"acme","name":"globex"}`}, {"/api/v1/namespaces", `{"name":"acme","Name":"globex"}`}, {"/api/v1/namespaces", `{"Name":"globex","name":"acme"}`},
		{"/api/v1/namespaces", `{"Name":"globex"}`}, {"/api/v1/namespaces", `{"name":"acme","private":true,"Private":false}`}, {"/api/v1/accounts", `{"name":"ada","ROLES":["admin"],"roles":[]}`},
		{"/api/v1/resolve", `{"plugins":[{"id":"acme/hello","range":"1","Range":"2"}]}`}, {"/api/v1/namespaces", "{\"name\":\"a\xff\"}"},
	} {
		r := must(http.NewRequest("POST", s.URL()+row.path, strings.NewReader(row.body)))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+admin)
		resp := must(visitor.Do(r))
		var p index.Problem
		err := json.NewDecoder(resp.Body).Decode(&p)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusBadRequest || p.Code != "invalid_body" || p.Detail == "" {
			t.Errorf("%s %s: %s, %+v, %v", row.path, row.body, resp.Status, p, err)
		}
	}
	for _, name := range []string{"acme", "globex"} {
		ask[any](t, s, admin, "GET", "/api/v1/namespaces/"+name, nil, http.StatusNotFound) // not claimed
	}
}

// TestHeadersAndSuites_B13: what browsers are told, and what TLS is spoken.
func TestHeadersAndSuites_B13(t *testing.T) {
	t.Parallel()
	c := configured(t)
	pool := certificate(t, &c)
	s, _ := start(t, c)
	for name, suite := range map[string]struct {
		id   uint16
		good bool
	}{"GCM": {tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, true}, "CBC": {tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, false}} {
		conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.id}})
		if (err == nil) != suite.good {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
	c2 := configured(t)
	c2.Dev = false
	pool = certificate(t, &c2)
	s2, _ := start(t, c2)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}}}
	for host, want := range map[string]string{"plugins.example.org": strictTransport, "localhost:7117": ""} {
		for _, path := range []string{"/v2/", "/api/v1/catalog", "/livez", "/auth/token", "/none"} {
			r, err := http.NewRequest("GET", s2.URL()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if h := resp.Header; h.Get("Strict-Transport-Security") != want || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s%s: %v", host, path, h)
			}
		}
	}
}

// TestAReadOfABlobHasEightHeaders: Go keeps a map of up to eight in one group;
// the ninth header made a read of 20 kB a tenth slower.
func TestAReadOfABlobHasEightHeaders(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(*config.Config) {})
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	content := []byte("a blob")
	if status, body := upload(t, s, admin, "acme/hello", content, false); status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	r, err := http.NewRequest("GET", s.URL()+"/v2/acme/hello/blobs/"+digest.FromBytes(content).String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+admin)
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp.Header.Del("Date") // net/http writes it by itself
	if resp.StatusCode != 200 || len(resp.Header) > 8 {
		t.Errorf("%d: %d headers: %v", resp.StatusCode, len(resp.Header), resp.Header)
	}
}
