package auth

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// site is a server with the token server, the middleware and an echo behind it
// that checks the action in ?action= on the repository in ?repository=.
type site struct {
	*Parts
	o      Options
	t      *testing.T
	store  *memory
	clock  *clock
	keys   *Keys
	auth   *Authority
	server *httptest.Server
}

func newSite(t *testing.T, change ...func(*Options)) *site {
	t.Helper()
	s := &site{t: t, store: newMemory(), clock: newClock()}
	files, err := OpenKeyFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.keys, err = OpenKeys(t.Context(), files, KeyOptions{Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	var handler http.Handler
	s.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(s.server.Close)
	o := Options{
		Stores: heldWithin(s.store), Keys: s.keys, PublicURL: s.server.URL, Now: s.clock.Now, Content: content{},
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	if s.Parts, err = New(o); err != nil {
		t.Fatal(err)
	}
	s.auth, s.o = s.Authority, o
	handler = s.routes()
	return s
}

func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	failures := NewLimiter("logins", Rate{PerSecond: 1, Burst: 5}, s.clock.Now)
	mux.Handle("/auth/token", NewTokenServer(s.Tokens, failures, nil))
	mux.HandleFunc("GET /auth/keys", s.auth.ServeKeys)
	mux.Handle("/v2/", s.auth.Authenticated(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.auth.CheckBase(r.Context())
		if repository := r.URL.Query().Get("repository"); repository != "" {
			err = s.auth.Check(r.Context(), Action(r.URL.Query().Get("action")), InRepository(repository))
		}
		if err != nil {
			s.auth.writeError(w, r, err)
			return
		}
		_, _ = io.WriteString(w, From(r.Context()).Name)
	}), nil))
	return mux
}

// admin makes the bootstrap token and returns it with its principal.
func (s *site) admin() (Token, Principal) {
	s.t.Helper()
	token, made, err := s.Tokens.Bootstrap(s.t.Context(), FirstToken{})
	if err != nil || !made {
		s.t.Fatalf("bootstrap: made %v, %v", made, err)
	}
	return token, s.principal(token)
}

func (s *site) principal(token Token) Principal {
	s.t.Helper()
	p, err := s.auth.Authenticate(s.t.Context(), token.Reveal(), direct...)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// person makes an account and returns a personal token of it.
func (s *site) person(name string, grants ...string) (Token, Principal) {
	s.t.Helper()
	rec := PersonRecord{Name: "person:" + name, Issuer: "https://id.example", Subject: name, Grants: grants}
	if err := s.store.AddPerson(s.t.Context(), rec); err != nil {
		s.t.Fatal(err)
	}
	token, _, err := s.Tokens.Create(s.t.Context(), Principal{Kind: Person, Name: rec.Name},
		TokenRequest{Kind: PersonalToken, Label: "laptop", ExpiresAt: s.clock.Now().Add(time.Hour)})
	if err != nil {
		s.t.Fatal(err)
	}
	return token, s.principal(token)
}

// claim claims a namespace and returns the principal that by is then.
func (s *site) claim(by Principal, namespace string) Principal {
	s.t.Helper()
	if _, err := s.Namespaces.Claim(s.t.Context(), by, namespace); err != nil {
		s.t.Fatal(err)
	}
	by.Grants = append(slices.Clone(by.Grants), Grant{Role: RoleOwner, Namespace: namespace})
	return by
}

// robot makes a robot token of a namespace.
func (s *site) robot(by Principal, namespace string, scopes ...string) Token {
	s.t.Helper()
	q := TokenRequest{Kind: RobotToken, Label: "ci", Namespace: namespace, ExpiresAt: s.clock.Now().Add(time.Hour)}
	for _, text := range scopes {
		q.Scopes = append(q.Scopes, mustScope(s.t, text))
	}
	token, _, err := s.Tokens.Create(s.t.Context(), by, q)
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// do sends a request; auth is "" or the value of Authorization.
func (s *site) do(method, path, auth string, form url.Values) (*http.Response, string) {
	s.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(context.Background(), method, s.server.URL+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	resp, err := s.server.Client().Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp, string(b)
}

func basic(user, password string) string {
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// try asks the echo for an action on a repository and returns the status.
func (s *site) try(auth string, a Action, repository string) int {
	s.t.Helper()
	resp, _ := s.do("GET", "/v2/?action="+url.QueryEscape(string(a))+"&repository="+url.QueryEscape(repository), auth, nil)
	return resp.StatusCode
}

func mustScope(t *testing.T, text string) Scope {
	t.Helper()
	s, err := ParseScope(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) audited(action string) bool {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return slices.ContainsFunc(s.store.log, func(a AuditRecord) bool { return a.Action == action })
}

// content is a registry that holds something of the names in it.
type content map[string]Holding

func (c content) Namespaces(context.Context) ([]string, error) {
	return slices.Sorted(maps.Keys(c)), nil
}

func (c content) Said(_ context.Context, name string) (Holding, error) { return c[name], nil }
