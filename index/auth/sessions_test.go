package auth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Proves B5 and L5 for sessions without a provider: a token begins one, which may do
// what the token may and ends with it, and no other text and no other site does.
func TestASessionBeginsWithATokenAndEndsWithIt_B5_L5(t *testing.T) {
	t.Parallel()
	p, _ := withIDP(t)
	fetch(t, p.browser, "GET", p.web.URL+"/auth/login", nil) // makes the account
	ada := Principal{Kind: Person, Name: "person:ada"}
	scopes, err := ParseScopes("repository:acme/*:pull")
	if err != nil {
		t.Fatal(err)
	}
	personal, rec, err := p.Tokens.Create(t.Context(), ada, TokenRequest{
		Kind: PersonalToken, Label: "laptop", Scopes: scopes, ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	robot, _, err := p.Tokens.issue(t.Context(), ada, TokenRequest{
		Kind: RobotToken, Label: "ci", Scopes: scopes, ExpiresAt: time.Now().Add(time.Hour)}, "robot:ci", "")
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t)
	signIn := func(token, back string, header ...string) (int, *url.URL, string) {
		resp, body := fetch(t, b, "POST", p.web.URL+"/auth/session", url.Values{"token": {token}, "return_to": {back}}, header...)
		return resp.StatusCode, resp.Request.URL, body
	}
	for name, text := range map[string]string{"nothing": "", "nonsense": "oar_x", "a robot's": robot.Reveal()} {
		if _, at, _ := signIn(text, "/me"); at.Path != SignInPath || at.Query().Get("refused") != "token" || at.Query().Get("return_to") != "/me" {
			t.Errorf("%s token leads to %s", name, at)
		}
	}
	if status, _, _ := signIn(personal.Reveal(), "/", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("from another site: %d", status)
	}
	if _, body := fetch(t, b, "GET", p.web.URL+"/", nil); body != "anonymous" {
		t.Fatalf("a refused browser is %s", body)
	}
	if _, at, body := signIn(personal.Reveal(), "/me"); at.Path != "/me" || body != "person:ada" {
		t.Fatalf("signed in: %q at %s", body, at)
	}
	if _, at, _ := signIn(personal.Reveal(), "//evil.example/"); at.Host != mustURL(t, p.web.URL).Host || at.Path != "/" {
		t.Errorf("return_to of another site leads to %s", at)
	}
	// It is bound to what the token is bound to, and yet it can end itself.
	fetch(t, b, "POST", p.web.URL+"/auth/logout", nil)
	if _, body := fetch(t, b, "GET", p.web.URL+"/", nil); body != "anonymous" {
		t.Errorf("after logout: %s", body)
	}
	signIn(personal.Reveal(), "/")
	if err := p.Tokens.Revoke(t.Context(), ada, rec.ID); err != nil {
		t.Fatal(err)
	}
	if _, body := fetch(t, b, "GET", p.web.URL+"/", nil); body != "anonymous" {
		t.Errorf("after its token ended, the session is %s", body)
	}
}

// Proves B5: guessing tokens is bounded by address, as it is at the token server.
func TestSessionsCountFailedLogins_B5(t *testing.T) {
	t.Parallel()
	p, _ := withIDP(t)
	limited := NewSessions(p.Tokens, NewLimiter("failed logins", Rate{PerSecond: 0.001, Burst: 2}, nil), 0)
	why := ""
	for range 3 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/auth/session", strings.NewReader("token=oar_x"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		limited.ServeHTTP(w, r)
		why = mustURL(t, w.Header().Get("Location")).Query().Get("refused")
	}
	if why != "many" {
		t.Errorf("the third failure is answered %q", why)
	}
}
