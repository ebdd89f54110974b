package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// ledgerless is as much of auth.Stores as one robot of one namespace needs.
type ledgerless struct {
	auth.TokenStore
	auth.PersonStore
	auth.NamespaceStore
	auth.NamespaceReader
	auth.MemberStore
	mu     sync.Mutex
	tokens map[string]auth.TokenRecord
}

func (s *ledgerless) AddToken(_ context.Context, t auth.TokenRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[t.ID] = t
	return nil
}

func (s *ledgerless) Token(_ context.Context, id string) (auth.TokenRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[id]
	if !ok {
		return t, artifact.ErrNotFound
	}
	return t, nil
}

func (s *ledgerless) Namespace(_ context.Context, name string) (auth.NamespaceRecord, error) {
	if name != "free" && name != "acme" {
		return auth.NamespaceRecord{}, artifact.ErrNotFound
	}
	return auth.NamespaceRecord{Name: name}, nil
}

func (s *ledgerless) TouchToken(context.Context, string, time.Time) error            { return nil }
func (s *ledgerless) AppendAudit(context.Context, auth.AuditRecord) error            { return nil }
func (s *ledgerless) InTx(ctx context.Context, do func(context.Context) error) error { return do(ctx) }

// admitted asks the table of permissions what the registry asks.
type admitted struct{ *auth.Authority }

func (a admitted) Admit(ctx context.Context, x registry.Access) error {
	err := a.CheckBase(ctx)
	if x.Repository != "" {
		err = a.Check(ctx, map[registry.Action]auth.Action{
			registry.Pull: auth.RepositoryPull, registry.Push: auth.RepositoryPush, registry.Delete: auth.RepositoryDelete, registry.Publish: auth.PluginPublish,
		}[x.Action], auth.InRepository(x.Repository))
	}
	var ask *auth.ChallengeError
	if errors.As(err, &ask) {
		return &registry.Challenge{Header: ask.Header, Message: ask.Detail}
	}
	return err
}

// TestDistributionSpecWithLogin_B1_B5 runs every clause by a client that is
// nobody at first, is sent to the token server, and comes back with an access
// token for what it was told to ask for; anew for every request.
func TestDistributionSpecWithLogin_B1_B5(t *testing.T) {
	t.Parallel()
	var front http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { front.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	files, err := auth.OpenKeyFiles(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.OpenKeys(t.Context(), files, auth.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	store := &ledgerless{tokens: map[string]auth.TokenRecord{}}
	parts, err := auth.New(auth.Options{Stores: auth.OneDatabase(store), Keys: keys, PublicURL: server.URL, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	scopes, err := auth.ParseScopes("repository:free/*:* repository:acme/*:*")
	if err != nil {
		t.Fatal(err)
	}
	admin := auth.Principal{Kind: auth.Admin, Name: "admin:x", Grants: []auth.Grant{{Role: auth.RoleAdmin}, {Role: auth.RoleOwner, Namespace: "*"}}}
	robot, _, err := parts.Tokens.Create(t.Context(), admin, auth.TokenRequest{
		Kind: auth.RobotToken, Label: "suite", Scopes: scopes, ExpiresAt: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	s := registrytest.New(t, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
		o.Admitter = admitted{parts.Authority}
		o.Principal = func(r *http.Request) (string, error) { return auth.From(r.Context()).Name, nil }
	}))
	tokens, bytes := auth.NewTokenServer(parts.Tokens, nil, nil), parts.Authority.Authenticated(s.Registry, nil)
	front = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/token" {
			tokens.ServeHTTP(w, r)
			return
		}
		bytes.ServeHTTP(w, r)
	})
	through := *s
	through.URL = server.URL
	l := &login{password: robot.Reveal()}
	checkClauses(t, &through, func(c *client) { c.do = l.do })
	if l.tokens.Load() < 500 {
		t.Errorf("%d tokens were asked for", l.tokens.Load())
	}
}

// login answers each challenge.
type login struct {
	password string
	tokens   atomic.Int64
}

var challengeField = regexp.MustCompile(`(realm|service|scope)="([^"]*)"`)

func (l *login) do(req *http.Request) (*http.Response, error) {
	resp, err := web.Do(req)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	resp.Body.Close()
	fields := map[string]string{}
	for _, f := range challengeField.FindAllStringSubmatch(resp.Header.Get("WWW-Authenticate"), -1) {
		fields[f[1]] = f[2]
	}
	q := url.Values{"service": {fields["service"]}}
	if fields["scope"] != "" {
		q.Add("scope", fields["scope"])
	}
	if from := req.URL.Query().Get("from"); from != "" { // as docker does for a mount
		q.Add("scope", "repository:"+from+":pull")
	}
	token, err := l.token(fields["realm"] + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	again := req.Clone(req.Context())
	if req.GetBody != nil {
		if again.Body, err = req.GetBody(); err != nil {
			return nil, err
		}
	}
	again.Header.Set("Authorization", "Bearer "+token)
	return web.Do(again)
}

func (l *login) token(u string) (string, error) {
	l.tokens.Add(1)
	req, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		return "", err
	}
	req.SetBasicAuth("suite", l.password)
	resp, err := web.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var answer struct{ Token string }
	if err := json.Unmarshal(text, &answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("token server: %s: %s", resp.Status, text)
	}
	return answer.Token, nil
}
