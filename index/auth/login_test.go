package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
)

// pages is a site whose pages are behind a login, and a browser.
type pages struct {
	*site
	login   *Login
	web     *httptest.Server
	browser *http.Client
}

// newPages makes a site whose public URL is that of the pages.
func newPages(t *testing.T, provider func(callback string) ProviderOptions) *pages {
	t.Helper()
	p := &pages{}
	var handler http.Handler
	p.web = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(p.web.Close)
	p.site = newSite(t, func(o *Options) { o.PublicURL = p.web.URL; o.Now = time.Now })
	var err error
	if p.login, err = NewLogin(p.Accounts, LoginOptions{Provider: provider(p.web.URL + "/auth/callback")}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", p.login)
	sessions := NewSessions(p.Tokens, nil, 0)
	for _, path := range SessionPaths() {
		mux.Handle(path, sessions)
	}
	mux.Handle("/", p.auth.AuthenticatedPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, From(r.Context()).Name)
	}), nil))
	handler = mux
	p.browser = newBrowser(t)
	return p
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Transport: web.Transport, Jar: jar}
}

func fetch(t *testing.T, c *http.Client, method, where string, form url.Values, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, where, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// withIDP is a site in front of the provider that can say wrong things.
func withIDP(t *testing.T) (*pages, *idp) {
	t.Helper()
	provider := newIDP(t)
	return newPages(t, func(string) ProviderOptions {
		return ProviderOptions{Issuer: provider.URL, ClientID: "oarlock", ClientSecret: "s", Grants: []GrantRule{
			{"groups", "reviewers", Grant{Role: RoleReviewer}}, {"groups", "admins", Grant{Role: RoleAdmin}},
		}}
	}), provider
}

func TestLoginOfAPerson_B5(t *testing.T) {
	t.Parallel()
	p, provider := withIDP(t)
	resp, body := fetch(t, p.browser, "GET", p.web.URL+"/auth/login?return_to=/me", nil)
	if resp.StatusCode != 200 || body != "person:ada" || resp.Request.URL.Path != "/me" {
		t.Fatalf("%s %q at %s", resp.Status, body, resp.Request.URL)
	}
	if provider.asked["code_challenge_method"] != "S256" || provider.asked["nonce"] == "" || provider.asked["scope"] != "openid profile email" {
		t.Errorf("asked the provider %v", provider.asked)
	}
	account, err := p.store.Person(t.Context(), "person:ada")
	if err != nil || len(account.Grants) != 1 || account.Grants[0] != "reviewer" {
		t.Fatalf("%+v %v", account, err)
	}
	provider.userinfo["groups"] = []string{"x"}
	fetch(t, p.browser, "GET", p.web.URL+"/auth/login", nil)
	if account, _ = p.store.Person(t.Context(), "person:ada"); len(account.Grants) != 0 {
		t.Errorf("out of the group, the role is left: %v", account.Grants)
	}
	provider.userinfo = map[string]any{"sub": "43", "preferred_username": "ada"}
	provider.change = func(c map[string]any) { c["sub"] = "43" }
	if _, body := fetch(t, newBrowser(t), "GET", p.web.URL+"/auth/login?return_to=/", nil); body != "person:ada-2" {
		t.Errorf("another subject of the same name is %q", body)
	}
	if resp, _ := fetch(t, p.browser, "POST", p.web.URL+"/auth/logout", nil, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != 403 {
		t.Errorf("logout from another site: %s", resp.Status)
	}
	if resp, _ := fetch(t, p.browser, "POST", p.web.URL+"/change", nil, "Sec-Fetch-Site", "cross-site"); resp.StatusCode != 403 {
		t.Errorf("a change from another site: %s", resp.Status)
	}
	cookies := p.browser.Jar.Cookies(mustURL(t, p.web.URL))
	fetch(t, p.browser, "POST", p.web.URL+"/auth/logout", nil)
	if _, body := fetch(t, p.browser, "GET", p.web.URL+"/", nil); body != "anonymous" {
		t.Errorf("after logout: %s", body)
	}
	stolen := newBrowser(t)
	stolen.Jar.SetCookies(mustURL(t, p.web.URL), cookies)
	if _, body := fetch(t, stolen, "GET", p.web.URL+"/", nil); body != "anonymous" {
		t.Errorf("the cookie of before the logout: %s", body)
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestLoginRefusesWhatTheProviderDidNotSay(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := func(key string, value any) func(*idp) {
		return func(p *idp) { p.change = func(c map[string]any) { c[key] = value } }
	}
	for name, lie := range map[string]func(*idp){
		"another nonce":           set("nonce", "x"),
		"no nonce":                func(p *idp) { p.change = func(c map[string]any) { delete(c, "nonce") } },
		"another audience":        set("aud", "somebody-else"),
		"another issuer":          set("iss", "https://evil.example"),
		"an end that has passed":  set("exp", time.Now().Add(-time.Hour).Unix()),
		"another key":             func(p *idp) { p.signer = other },
		"userinfo of another":     func(p *idp) { p.userinfo["sub"] = "1" },
		"no userinfo that parses": func(p *idp) { p.userinfo = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, provider := withIDP(t)
			lie(provider)
			resp, body := fetch(t, p.browser, "GET", p.web.URL+"/auth/login", nil)
			if resp.StatusCode < 400 || strings.Contains(body, "person:") || len(p.store.people) > 0 || len(p.store.tokens) > 0 {
				t.Errorf("%s %s", resp.Status, body)
			}
		})
	}
}

func TestLoginBelongsToOneBrowser(t *testing.T) {
	t.Parallel()
	p, provider := withIDP(t)
	halt := func(c *http.Client) *http.Client {
		return &http.Client{Transport: web.Transport, Jar: c.Jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
			if strings.Contains(r.URL.Path, "callback") {
				return http.ErrUseLastResponse
			}
			return nil
		}}
	}
	attacker := newBrowser(t)
	resp, _ := fetch(t, halt(attacker), "GET", p.web.URL+"/auth/login", nil)
	callback := resp.Header.Get("Location")
	if !strings.Contains(callback, "code=c") {
		t.Fatalf("%s %s", resp.Status, callback)
	}
	if resp, _ := fetch(t, newBrowser(t), "GET", callback, nil); resp.StatusCode != 403 {
		t.Errorf("a browser that began none: %s", resp.Status)
	}
	victim := newBrowser(t)
	fetch(t, halt(victim), "GET", p.web.URL+"/auth/login", nil)
	if resp, _ := fetch(t, victim, "GET", callback, nil); resp.StatusCode != 403 {
		t.Errorf("a browser that began another: %s", resp.Status)
	}
	if resp, body := fetch(t, p.browser, "GET", p.web.URL+"/auth/callback?error=access_denied&state=x", nil); resp.StatusCode != 403 {
		t.Errorf("an error from nowhere: %s %s", resp.Status, body)
	}
	for _, to := range []string{"https://evil.example", "//evil.example", `/\evil.example`, "evil", "/%0d%0aX: y\r\n"} {
		resp, _ := fetch(t, p.browser, "GET", p.web.URL+"/auth/login?return_to="+url.QueryEscape(to), nil)
		if resp.StatusCode != 400 {
			t.Errorf("return to %q: %s", to, resp.Status)
		}
	}
	provider.Close()
	q, _ := withIDP(t)
	q.login.provider.o.Issuer = "http://127.0.0.1:1"
	if resp, _ := fetch(t, q.browser, "GET", q.web.URL+"/auth/login", nil); resp.StatusCode != 503 {
		t.Errorf("a provider that is away: %s", resp.Status)
	}
}

// newLoopback is where a client waits for the browser to come back.
func newLoopback(t *testing.T, got chan<- url.Values) string {
	t.Helper()
	client := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.URL.Query() }))
	t.Cleanup(client.Close)
	return client.URL
}

// cliLogin is what a client on loopback does; it returns the code that arrived.
func (p *pages) cliLogin(t *testing.T, browser *http.Client, verifier string) string {
	t.Helper()
	got := make(chan url.Values, 1)
	q := url.Values{
		"redirect_uri": {newLoopback(t, got) + "/done"}, "state": {"s1"}, "label": {"My Laptop"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	resp, body := fetch(t, browser, "GET", p.web.URL+"/auth/cli?"+q.Encode(), nil)
	select {
	case v := <-got:
		if v.Get("state") != "s1" {
			t.Errorf("state %q", v.Get("state"))
		}
		return v.Get("code")
	default:
		t.Fatalf("the client heard nothing: %s %s", resp.Status, body)
		return ""
	}
}

func TestLoginOfTheCLI_B5(t *testing.T) {
	t.Parallel()
	p, _ := withIDP(t)
	verifier := oauth2.GenerateVerifier()
	code := p.cliLogin(t, p.browser, verifier)
	if resp, _ := fetch(t, web, "POST", p.web.URL+"/auth/cli/token", url.Values{"code": {code}, "code_verifier": {oauth2.GenerateVerifier()}}); resp.StatusCode != 403 {
		t.Fatalf("another program that saw the code: %s", resp.Status)
	}
	form := url.Values{"code": {code}, "code_verifier": {verifier}}
	resp, body := fetch(t, web, "POST", p.web.URL+"/auth/cli/token", form)
	var answer TokenAnswer
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Principal != "person:ada" {
		t.Fatalf("%s %s", resp.Status, body)
	}
	if _, who := fetch(t, web, "GET", p.web.URL+"/", nil, "Authorization", "Bearer "+answer.Token); who != "person:ada" {
		t.Errorf("the token is of %q", who)
	}
	if rec, err := p.store.Token(t.Context(), answer.ID); err != nil || rec.Name != "my-laptop" || rec.Kind != string(PersonalToken) {
		t.Errorf("%+v %v", rec, err)
	}
	if resp, _ := fetch(t, web, "POST", p.web.URL+"/auth/cli/token", form); resp.StatusCode != 403 {
		t.Errorf("the code a second time: %s", resp.Status)
	}
	for name, change := range map[string][2]string{
		"another host": {"redirect_uri", "http://evil.example:80/"}, "a name": {"redirect_uri", "http://localhost:8080/"},
		"a host that begins so": {"redirect_uri", "http://127.0.0.1.evil.example:1/"}, "a user that looks so": {"redirect_uri", "http://127.0.0.1:1@evil.example:2/"},
		"no port": {"redirect_uri", "http://127.0.0.1/"}, "another scheme": {"redirect_uri", "javascript://127.0.0.1:1/"},
		"plain challenge": {"code_challenge_method", "plain"}, "no state": {"state", ""}, "no challenge": {"code_challenge", ""},
	} {
		q := url.Values{"redirect_uri": {"http://127.0.0.1:9/"}, "state": {"s"}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"}}
		q.Set(change[0], change[1])
		if resp, body := fetch(t, newBrowser(t), "GET", p.web.URL+"/auth/cli?"+q.Encode(), nil); resp.StatusCode != 400 {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
	if resp, body := fetch(t, web, "POST", p.web.URL+"/auth/device", nil); resp.StatusCode != 400 || !strings.Contains(body, "unsupported") {
		t.Errorf("a provider without the device flow: %s %s", resp.Status, body)
	}
}

func TestSealHoldsUseTimeAndBytes(t *testing.T) {
	t.Parallel()
	c := newClock()
	s, err := newSealer(nil, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	text, err := s.seal("login", "value", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := s.open("login", text, &got); err != nil || got != "value" {
		t.Fatalf("%q %v", got, err)
	}
	if err := s.open("code", text, &got); err == nil {
		t.Error("opened for another use")
	}
	for i := range text {
		if err := s.open("login", text[:i]+"A"+text[i+1:], new(string)); err == nil && text[i] != 'A' {
			// The last character of base64 may hold bits that say nothing.
			if i != len(text)-1 {
				t.Fatalf("changed at %d and opened", i)
			}
		}
	}
	c.move(time.Minute)
	if err := s.open("login", text, &got); err == nil {
		t.Error("opened after its end")
	}
	if _, err := newSealer([]byte("short"), c.Now); err == nil {
		t.Error("a short key")
	}
}
