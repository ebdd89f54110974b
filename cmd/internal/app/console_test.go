package app

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
)

// A tab is a browser with its cookies, at a server.
type tab struct {
	*http.Client
	at string
}

func newTab(t *testing.T, s *Server) tab {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return tab{&http.Client{Transport: visitor.Transport, Jar: jar}, s.URL()}
}

// signedInTab is a browser that signed in with a token.
func signedInTab(t *testing.T, s *Server, token string) tab {
	t.Helper()
	b := newTab(t, s)
	if at, body := b.post(t, "/auth/session", url.Values{"token": {token}, "return_to": {"/console"}}); at.StatusCode != 200 || at.Request.URL.Path != "/console" {
		t.Fatalf("signing in: %s at %s: %.300s", at.Status, at.Request.URL, body)
	}
	return b
}

func (b tab) send(t *testing.T, method, path string, v url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.at+path, strings.NewReader(v.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	if v != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(r)
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

func (b tab) get(t *testing.T, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return b.send(t, http.MethodGet, path, nil, header...)
}

func (b tab) post(t *testing.T, path string, v url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	return b.send(t, http.MethodPost, path, v, header...)
}

// shows fails the test where a page lacks one of some texts.
func shows(t *testing.T, resp *http.Response, body string, status int, texts ...string) {
	t.Helper()
	if resp.StatusCode != status {
		t.Errorf("%s: %s, expected %d", resp.Request.URL, resp.Status, status)
	}
	for _, want := range texts {
		if !strings.Contains(body, want) {
			_, main, _ := strings.Cut(body, "<main")
			t.Errorf("%s does not show %q:\n%.2000s", resp.Request.URL, want, main)
		}
	}
}

// Proves B5 and L5: with a token a person signs in to the pages where no provider is
// set, and out again; the cookie is for no script and no other site.
func TestSignIn_B5_L5(t *testing.T) {
	t.Parallel()
	for _, anonymous := range []string{"pull", "none"} {
		t.Run(anonymous, func(t *testing.T) {
			t.Parallel()
			s, admin := startGuarded(t, func(c *config.Config) { c.Anonymous = anonymous })
			b := newTab(t, s)
			status := map[string]int{"pull": 200, "none": 401}[anonymous]
			resp, body := b.get(t, "/console/tokens")
			shows(t, resp, body, status, `action="/auth/session"`, `name="token"`, `value="/console/tokens"`)
			resp, body = b.post(t, "/auth/session", url.Values{"token": {"oar_nonsense"}, "return_to": {"/console/tokens"}})
			shows(t, resp, body, status, `role="alert"`, `value="/console/tokens"`)
			resp, body = b.post(t, "/auth/session", url.Values{"token": {admin}, "return_to": {"/console/tokens"}})
			shows(t, resp, body, 200, "Your tokens", "admin:bootstrap", "Sign out", "this session")
			resp, body = b.post(t, "/console/tokens", url.Values{"label": {"other"}, "days": {"1"}})
			shows(t, resp, body, 200, "Token other was made.", "Revoke other")
			if c := b.Jar.Cookies(resp.Request.URL); len(c) != 1 {
				t.Errorf("%d cookies", len(c))
			}
			for _, path := range []string{"/console/tokens", "/console/tokens/revoke", "/console/namespaces", "/console/invitations"} {
				if resp, _ := b.post(t, path, url.Values{"name": {"acme"}}, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != http.StatusForbidden {
					t.Errorf("%s from another site: %s", path, resp.Status)
				}
			}
			b.post(t, "/auth/logout", url.Values{})
			resp, body = b.get(t, "/console")
			shows(t, resp, body, status, `name="token"`)
		})
	}
}

// Proves B4, B5 and L5: a namespace is claimed, and a token is made, used and revoked,
// by forms alone; what the API refuses stands above the form with what was written.
func TestConsoleClaimsAndMakesTokens_B4_B5_L5(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]any{"name": "ada"}, http.StatusCreated)
	ada := personalToken(t, s, admin, "person:ada")
	b := signedInTab(t, s, ada)
	resp, body := b.post(t, "/console/namespaces", url.Values{"name": {"Not A Name"}, "private": {"1"}})
	shows(t, resp, body, 400, `role="alert"`, `value="Not A Name"`, "checked")
	resp, body = b.post(t, "/console/namespaces", url.Values{"name": {"acme"}})
	shows(t, resp, body, 200, "The namespace is yours.", `<h1><bdi>acme</bdi>`)
	resp, body = b.post(t, "/console/tokens", url.Values{"label": {"laptop"}, "days": {"30"}})
	shows(t, resp, body, 200, "Token laptop was made.")
	made := tokenText.FindString(body)
	if resp.Header.Get("Cache-Control") != "no-store" || made == "" {
		t.Fatalf("a page with a secret may be kept: %v", resp.Header)
	}
	if _, body := b.get(t, "/console/tokens"); strings.Contains(body, made) {
		t.Error("the secret is shown twice")
	}
	if who := ask[map[string]any](t, s, made, "GET", "/api/v1/whoami", nil, 200); who["principal"] != "person:ada" {
		t.Errorf("the token speaks for %v", who)
	}
	for name, v := range map[string]url.Values{
		"no label": {"days": {"30"}}, "a long life": {"label": {"x"}, "days": {"1000"}}, "no number": {"label": {"x"}, "days": {"soon"}}, "a scope of nothing": {"label": {"x"}, "days": {"3"}, "scopes": {"all"}},
	} {
		if resp, body := b.post(t, "/console/tokens", v); resp.StatusCode != 400 || !strings.Contains(body, `role="alert"`) {
			t.Errorf("a token with %s: %s", name, resp.Status)
		}
	}
	whole := strings.Split(strings.TrimPrefix(made, "oar_"), "_")
	resp, body = b.post(t, "/console/tokens/revoke", url.Values{"id": {whole[0]}})
	shows(t, resp, body, 200, "The token was revoked.")
	ask[any](t, s, made, "GET", "/api/v1/whoami", nil, http.StatusUnauthorized)
	resp, body = b.get(t, "/console/tokens", "Accept", "application/json")
	shows(t, resp, body, 200, `"items"`, `"laptop"`)
	resp, body = b.get(t, "/console/tokens?namespace=other")
	shows(t, resp, body, 403, `role="alert"`)
}

func personalToken(t *testing.T, s *Server, admin, principal string) string {
	t.Helper()
	return ask[map[string]any](t, s, admin, "POST", "/api/v1/accounts/"+principal+"/tokens",
		map[string]any{"label": "pages", "expires_at": soon()}, http.StatusCreated)["secret"].(string)
}
