package auth

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
)

type issued struct {
	Token, AccessToken, Scope, RefreshToken string
	ExpiresIn                               int
	IssuedAt                                time.Time
}

func readIssued(t *testing.T, body string) issued {
	t.Helper()
	var raw map[string]any
	if err := json.Unmarshal([]byte(body), &raw); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	text := func(key string) string { s, _ := raw[key].(string); return s }
	expires, _ := raw["expires_in"].(float64)
	at, _ := time.Parse(time.RFC3339, text("issued_at"))
	return issued{text("token"), text("access_token"), text("scope"), text("refresh_token"), int(expires), at}
}

func (s *site) get(auth string, query string) issued {
	s.t.Helper()
	resp, body := s.do("GET", "/auth/token?service="+url.QueryEscape(s.auth.service)+"&"+query, auth, nil)
	if resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("token: %s %s", resp.Status, body)
	}
	return readIssued(s.t, body)
}

// TestDockerFlow_B5 walks the path of a stock client: refused, told where to
// go, given a token for what was asked, let in.
func TestDockerFlow_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, owner := s.person("ada")
	owner = s.claim(owner, "acme")
	robot := s.robot(owner, "acme", "repository:acme/hello:pull,push,publish")

	resp, body := s.do("GET", "/v2/", "", nil)
	want := `Bearer realm="` + s.server.URL + `/auth/token",service="` + s.auth.service + `"`
	if resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") != want || !strings.Contains(body, "UNAUTHORIZED") {
		t.Fatalf("/v2/: %s %q %s", resp.Status, resp.Header.Get("WWW-Authenticate"), body)
	}
	resp, _ = s.do("GET", "/v2/?repository=acme/hello&action=repository:push", "", nil)
	if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != 401 || got != want+`,scope="repository:acme/hello:pull,push"` {
		t.Fatalf("push: %s %q", resp.Status, got)
	}
	answer := s.get(basic("ci", robot.Reveal()), "scope=repository:acme/hello:pull,push,delete&scope=repository:other/x:pull&client_id=test")
	if answer.Token != answer.AccessToken || answer.Scope != "repository:acme/hello:pull,push" || answer.ExpiresIn != 300 || !answer.IssuedAt.Equal(s.clock.Now()) {
		t.Fatalf("token answer: %+v", answer)
	}
	bearer := "Bearer " + answer.Token
	for what, status := range map[[2]string]int{
		{string(RepositoryPull), "acme/hello"}:   200,
		{string(RepositoryPush), "acme/hello"}:   200,
		{string(PluginPublish), "acme/hello"}:    200,
		{string(RepositoryDelete), "acme/hello"}: 403,
		{string(RepositoryPull), "acme/other"}:   403,
	} {
		if got := s.try(bearer, Action(what[0]), what[1]); got != status {
			t.Errorf("%v: %d, want %d", what, got, status)
		}
	}
	if resp, body := s.do("GET", "/v2/", bearer, nil); resp.StatusCode != 200 || body != "robot:acme/ci" {
		t.Errorf("/v2/: %s %s", resp.Status, body)
	}
}

func TestAccessTokenIsNotEnoughForMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, owner := s.person("ada")
	s.claim(owner, "acme")
	narrow := s.get(basic("ada", token.Reveal()), "scope=repository:acme/hello:pull")
	resp, _ := s.do("GET", "/v2/?repository=acme/hello&action=repository:push", "Bearer "+narrow.Token, nil)
	challenge := resp.Header.Get("WWW-Authenticate")
	if resp.StatusCode != 401 || !strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="repository:acme/hello:pull,push"`) {
		t.Fatalf("%s %q, want a challenge that names the scope to ask for", resp.Status, challenge)
	}
}

func TestWrongCredentialsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, _ := s.admin()
	other := "A"
	if token.Reveal()[20] == 'A' {
		other = "B"
	}
	bad := token.Reveal()[:20] + other + token.Reveal()[21:]
	for name, auth := range map[string]string{
		"another secret": basic("x", newToken().Reveal()), "a mistyped one": basic("x", bad), "a password": basic("admin", "admin"),
		"no scheme": token.Reveal(), "an unknown scheme": "Digest " + token.Reveal(), "broken base64": "Basic %%%",
	} {
		t.Run(name, func(t *testing.T) {
			if resp, _ := s.do("GET", "/v2/", auth, nil); resp.StatusCode != 401 || !strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
				t.Errorf("/v2/: %s %q", resp.Status, resp.Header.Get("WWW-Authenticate"))
			}
			resp, body := s.do("GET", "/auth/token", auth, nil)
			if resp.StatusCode == 200 || strings.Contains(body, "access_token") {
				t.Errorf("token server: %s %s", resp.Status, body)
			}
		})
	}
}

// TestGuessingIsSlowedDown: five wrong logins from an address, then 429 with
// the time to wait, for right ones too, until that time has passed.
func TestGuessingIsSlowedDown_B7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, _ := s.admin()
	for i := range 5 {
		if resp, _ := s.do("GET", "/auth/token", basic("x", newToken().Reveal()), nil); resp.StatusCode != 401 || !strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "Basic ") {
			t.Fatalf("guess %d: %s", i, resp.Status)
		}
	}
	resp, _ := s.do("GET", "/auth/token", basic("x", token.Reveal()), nil)
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
		t.Fatalf("after five guesses: %s, retry after %q", resp.Status, resp.Header.Get("Retry-After"))
	}
	s.clock.move(time.Second)
	if resp, _ := s.do("GET", "/auth/token", basic("x", token.Reveal()), nil); resp.StatusCode != 200 {
		t.Fatalf("a second later: %s", resp.Status)
	}
}

func TestAnonymousPullIsASetting_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, owner := s.person("ada")
	owner = s.claim(owner, "acme")
	if got := s.try("", RepositoryPull, "acme/hello"); got != 401 {
		t.Fatalf("private: %d", got)
	}
	if answer := s.get("", "scope=repository:acme/hello:pull"); answer.Scope != "" {
		t.Fatalf("private: nobody was granted %q", answer.Scope)
	}
	if _, err := s.Namespaces.Configure(t.Context(), owner, "acme", NamespaceSettings{Public: true}); err != nil {
		t.Fatal(err)
	}
	if got := s.try("", RepositoryPull, "acme/hello"); got != 200 {
		t.Fatalf("public, no token: %d", got)
	}
	answer := s.get("", "scope=repository:acme/hello:pull,push&offline_token=true")
	if answer.Scope != "repository:acme/hello:pull" || answer.RefreshToken != "" {
		t.Fatalf("public: %+v", answer)
	}
	if got := s.try("Bearer "+answer.Token, RepositoryPull, "acme/hello"); got != 200 {
		t.Errorf("public, token of nobody: %d", got)
	}
	if resp, _ := s.do("GET", "/v2/", "Bearer "+answer.Token, nil); resp.StatusCode != 200 {
		t.Errorf("/v2/ with the token of nobody: %s", resp.Status)
	}
	if got := s.try("Bearer "+answer.Token, RepositoryPush, "acme/hello"); got != 401 {
		t.Errorf("push with the token of nobody: %d", got)
	}
}

func TestOAuthVariant_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, owner := s.person("ada")
	owner = s.claim(owner, "acme")
	form := url.Values{
		"grant_type": {"password"}, "service": {s.auth.service}, "client_id": {"Docker/1"}, "access_type": {"offline"},
		"username": {"ada"}, "password": {token.Reveal()}, "scope": {"repository:acme/hello:pull repository:acme/b:push"},
	}
	resp, body := s.do("POST", "/auth/token", "", form)
	first := readIssued(t, body)
	if resp.StatusCode != 200 || first.RefreshToken == "" || first.Scope != "repository:acme/hello:pull repository:acme/b:push" {
		t.Fatalf("password: %s %s", resp.Status, body)
	}
	if got := s.try("Bearer "+first.AccessToken, RepositoryPush, "acme/b"); got != 200 {
		t.Errorf("push: %d", got)
	}
	if got := s.try("Bearer "+first.RefreshToken, RepositoryPull, "acme/hello"); got != 401 {
		t.Errorf("a refresh token opens the registry itself: %d", got)
	}
	refresh := url.Values{"grant_type": {"refresh_token"}, "service": {s.auth.service}, "refresh_token": {first.RefreshToken}, "scope": {"repository:acme/hello:pull"}}
	resp, body = s.do("POST", "/auth/token", "", refresh)
	second := readIssued(t, body)
	if resp.StatusCode != 200 || second.RefreshToken != first.RefreshToken || s.try("Bearer "+second.AccessToken, RepositoryPull, "acme/hello") != 200 {
		t.Fatalf("refresh: %s %s", resp.Status, body)
	}
	if err := s.Tokens.Revoke(t.Context(), owner, token.ID()); err != nil {
		t.Fatal(err)
	}
	if resp, body = s.do("POST", "/auth/token", "", refresh); resp.StatusCode != 401 || !strings.Contains(body, "invalid_grant") {
		t.Errorf("refresh after the token that it hangs on was revoked: %s %s", resp.Status, body)
	}
	for name, form := range map[string]url.Values{
		"no grant": {}, "an unknown grant": {"grant_type": {"client_credentials"}}, "a broken scope": {"grant_type": {"password"}, "scope": {"x"}},
		"another service": {"grant_type": {"password"}, "service": {"elsewhere"}},
	} {
		if resp, body := s.do("POST", "/auth/token", "", form); resp.StatusCode != 400 || !strings.Contains(body, `"error"`) {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
}

func TestStoreThatDoesNotAnswerRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, owner := s.person("ada")
	s.claim(owner, "acme")
	answer := s.get(basic("ada", token.Reveal()), "scope=repository:acme/hello:pull")
	s.clock.move(CacheTTL)
	s.store.breakDown(errBroken)
	for name, auth := range map[string]string{"access token": "Bearer " + answer.Token, "token": "Bearer " + token.Reveal(), "nobody": ""} {
		resp, body := s.do("GET", "/v2/?repository=acme/hello&action=repository:pull", auth, nil)
		if resp.StatusCode != 503 || strings.Contains(body, errBroken.Error()) {
			t.Errorf("%s: %s %s, want 503 that does not tell why", name, resp.Status, body)
		}
	}
	if resp, _ := s.do("GET", "/auth/token?scope=repository:acme/hello:pull", basic("ada", token.Reveal()), nil); resp.StatusCode != 503 {
		t.Errorf("token server: %s", resp.Status)
	}
	s.store.breakDown(nil)
	if got := s.try("Bearer "+answer.Token, RepositoryPull, "acme/hello"); got != 200 {
		t.Errorf("after it came back: %d", got)
	}
}

func TestKeySetHoldsNoPrivateKey(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, body := s.do("GET", "/auth/keys", "", nil)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(body), &set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("%s: %v", body, err)
	}
	got := map[string]bool{}
	for k := range set.Keys[0] {
		got[k] = true
	}
	if diff := cmp.Diff(map[string]bool{"kty": true, "crv": true, "x": true, "y": true, "kid": true, "use": true, "alg": true}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRepeatedScopes_B5: a client that names one repository for each scope gets
// all of them, from GET and POST alike; nothing else may be repeated in a form.
func TestRepeatedScopes_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, admin := s.admin()
	s.claim(admin, "acme")
	scopes := url.Values{"scope": {"repository:acme/a:pull", "repository:acme/b:pull"}}
	resp, got := s.do("GET", "/auth/token?"+scopes.Encode(), basic("x", token.Reveal()), nil)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Reveal()}, "client_id": {"x"}, "scope": scopes["scope"]}
	posted, also := s.do("POST", "/auth/token", "", form)
	for _, one := range []string{got, also} {
		if !strings.Contains(one, `"scope":"repository:acme/a:pull repository:acme/b:pull"`) {
			t.Errorf("%s %s: %s", resp.Status, posted.Status, one)
		}
	}
	form.Add("refresh_token", "another")
	if resp, body := s.do("POST", "/auth/token", "", form); resp.StatusCode != 400 || !strings.Contains(body, "refresh_token") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

// TestATokenFromAPublicNamespaceEndsWithItsBeingPublic_B3: whoever is no member
// pulls because everybody may. When nobody else may any more, no token that he got
// meanwhile does, whatever its scopes say.
func TestATokenFromAPublicNamespaceEndsWithItsBeingPublic_B3(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, ada := s.person("ada")
	_, eve := s.person("eve")
	ada = s.claim(ada, "acme")
	scope := mustScope(t, "repository:acme/*:pull")
	personal, _, err := s.Tokens.Create(t.Context(), eve, TokenRequest{Kind: PersonalToken, Label: "pulls", Scopes: []Scope{scope}, ExpiresAt: s.clock.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]string{"a personal token": personal.Reveal()}
	for name, p := range map[string]Principal{"an access token": eve, "an access token of a personal one": s.principal(personal), "an access token of nobody": Nobody()} {
		if held[name], err = s.auth.who.signAccess(p, []Scope{mustScope(t, "repository:acme/hello:pull")}, s.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, public := range []bool{true, false} {
		if _, err := s.Namespaces.Configure(t.Context(), ada, "acme", NamespaceSettings{Public: public}); err != nil {
			t.Fatal(err)
		}
		for name, text := range held {
			if got := s.try("Bearer "+text, RepositoryPull, "acme/hello"); (got == 200) != public {
				t.Errorf("%s, while the namespace is public: %v: %d", name, public, got)
			}
		}
	}
	if _, _, err := s.Tokens.Create(t.Context(), eve, TokenRequest{Kind: RobotToken, Label: "ci", Namespace: "acme", Scopes: []Scope{scope}, ExpiresAt: s.clock.Now().Add(time.Hour)}); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("a robot of a namespace that is not hers: %v", err)
	}
}
