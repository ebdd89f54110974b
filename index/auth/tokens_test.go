package auth

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

func TestBootstrapOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	token, admin := s.admin()
	if admin.Kind != Admin || admin.Name != "admin:bootstrap" || !Decide(admin, SiteManage, Site()).Allowed() {
		t.Fatalf("%+v", admin)
	}
	if _, made, err := s.Tokens.Bootstrap(t.Context(), FirstToken{}); made || err != nil {
		t.Fatalf("a second one: %v %v", made, err)
	}
	if err := s.Tokens.Revoke(t.Context(), admin, token.ID()); err != nil {
		t.Fatal(err)
	}
	if again, _, err := s.Tokens.Recover(t.Context(), 0); err != nil || !Decide(s.principal(again), SiteManage, Site()).Allowed() {
		t.Errorf("recovered after the only one was revoked: %v", err)
	}
	if got, _ := s.store.Token(t.Context(), token.ID()); strings.Contains(string(got.Hash), token.secret) || len(got.Hash) != 32 {
		t.Error("the secret itself is stored")
	}
	if !s.audited("token:create") {
		t.Error("no audit row")
	}
}

// TestNobodyGivesWhatTheyLack_B5: least scope holds for the makers of tokens too.
func TestNobodyGivesWhatTheyLack_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, admin := s.admin()
	_, ada := s.person("ada")
	owner := s.claim(ada, "acme")
	publisher := Principal{Kind: Person, Name: "person:p", Grants: []Grant{{Role: RolePublisher, Namespace: "acme"}}}
	robot := s.principal(s.robot(owner, "acme", "repository:acme/*:*"))
	scoped := owner
	scoped.Scopes = []Scope{mustScope(t, "repository:acme/*:*")}
	hour := s.clock.Now().Add(time.Hour)
	ask := func(namespace string, scopes ...string) TokenRequest {
		q := TokenRequest{Kind: RobotToken, Label: "ci", Namespace: namespace, ExpiresAt: hour}
		for _, text := range scopes {
			q.Scopes = append(q.Scopes, mustScope(t, text))
		}
		return q
	}
	never := ask("acme", "repository:acme/x:pull")
	never.ExpiresAt = time.Time{}
	for name, c := range map[string]struct {
		by   Principal
		q    TokenRequest
		want error
	}{
		"an owner for a repository of theirs":                 {owner, ask("acme", "repository:acme/x:pull,push,publish,promote"), nil},
		"an admin for a pull in a namespace":                  {admin, ask("acme", "repository:acme/*:pull"), nil},
		"an admin for a pull everywhere":                      {admin, ask("", "repository:*:pull"), nil},
		"an admin for a push, who may not push":               {admin, ask("acme", "repository:acme/*:push"), artifact.ErrDenied},
		"an admin for a push everywhere":                      {admin, ask("", "repository:*:push"), artifact.ErrDenied},
		"an owner for the whole site":                         {owner, ask("", "repository:acme/*:pull"), artifact.ErrDenied},
		"a publisher":                                         {publisher, ask("acme", "repository:acme/x:pull"), artifact.ErrDenied},
		"a robot for another robot":                           {robot, ask("acme", "repository:acme/x:pull"), artifact.ErrDenied},
		"an owner with a bounded token":                       {scoped, ask("acme", "repository:acme/x:pull"), artifact.ErrDenied},
		"nobody":                                              {Nobody(), ask("acme", "repository:acme/x:pull"), artifact.ErrDenied},
		"an owner for a repository of another namespace":      {owner, ask("acme", "repository:other/x:pull"), artifact.ErrInvalid},
		"an owner for a namespace whose name only begins so":  {owner, ask("acme", "repository:acmeister/x:pull"), artifact.ErrInvalid},
		"an owner for everything":                             {owner, ask("acme", "repository:*:pull"), artifact.ErrInvalid},
		"an owner with a word that means nothing":             {owner, ask("acme", "repository:acme/x:burn"), artifact.ErrInvalid},
		"an owner without a scope":                            {owner, ask("acme"), artifact.ErrInvalid},
		"an owner without an end":                             {owner, never, artifact.ErrInvalid},
		"an owner who asks for an admin token":                {owner, TokenRequest{Kind: AdminToken, Label: "x"}, artifact.ErrDenied},
		"an owner who asks for the kind that is a login":      {owner, TokenRequest{Kind: SessionToken, Label: "x", ExpiresAt: hour}, artifact.ErrInvalid},
		"an admin who asks for a token in a person's name":    {admin, TokenRequest{Kind: PersonalToken, Label: "x", ExpiresAt: hour}, artifact.ErrDenied},
		"an owner who wants a name that breaks the audit log": {owner, TokenRequest{Kind: PersonalToken, Label: "x\ny", ExpiresAt: hour}, artifact.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := s.Tokens.Create(t.Context(), c.by, c.q); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestTokensAreListedAndRevoked_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mine, ada := s.person("ada")
	_, eve := s.person("eve")
	owner := s.claim(ada, "acme")
	robot := s.robot(owner, "acme", "repository:acme/*:pull")
	if got := s.try("Bearer "+robot.Reveal(), RepositoryPull, "acme/x"); got != 200 {
		t.Fatalf("%d", got)
	}
	list, err := s.Tokens.List(t.Context(), owner, "acme", false)
	if err != nil || len(list) != 1 || list[0].ID != robot.ID() || list[0].Hash != nil || !list[0].UsedAt.Equal(s.clock.Now()) {
		t.Fatalf("%+v %v", list, err)
	}
	if own, err := s.Tokens.List(t.Context(), ada, "", true); err != nil || len(own) != 1 || own[0].ID != mine.ID() {
		t.Errorf("one's own: %+v %v", own, err)
	}
	for _, ns := range []string{"acme", ""} {
		if _, err := s.Tokens.List(t.Context(), eve, ns, false); !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("a stranger lists %q: %v", ns, err)
		}
	}
	for _, id := range []string{robot.ID(), mine.ID()} {
		if err := s.Tokens.Revoke(t.Context(), eve, id); !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("a stranger revokes: %v", err)
		}
	}
	for range 2 {
		if err := s.Tokens.Revoke(t.Context(), ada, mine.ID()); err != nil {
			t.Errorf("one's own, twice: %v", err)
		}
	}
	if err := s.Tokens.Revoke(t.Context(), owner, "unknown"); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	s.clock.move(2 * time.Hour)
	if got := s.try("Bearer "+robot.Reveal(), RepositoryPull, "acme/x"); got != 401 {
		t.Errorf("after its end: %d", got)
	}
}

// Proves B5: a token of the Docker protocol does what it was issued for, and
// neither shows nor ends the other credentials of its holder.
func TestAnAccessTokenManagesNoTokens_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mine, _ := s.person("ada")
	text := s.get(basic("ada", mine.Reveal()), "scope=repository:acme/hello:pull").Token
	r := httptest.NewRequest(http.MethodGet, "/api/v1/tokens", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	by, err := s.auth.Identify(r)
	if err != nil || by.Access == nil {
		t.Fatalf("%+v %v", by, err)
	}
	if list, err := s.Tokens.List(t.Context(), by, "", true); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("it lists %d: %v", len(list), err)
	}
	if err := s.Tokens.Revoke(t.Context(), by, mine.ID()); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("it revokes the token that it came from: %v", err)
	}
	if got := s.try("Bearer "+mine.Reveal(), RepositoryPull, "acme/hello"); got == 401 {
		t.Errorf("the token itself after that: %d", got)
	}
}

func TestManyRequestsAskTheStoreSeldom(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, ada := s.person("ada")
	robot := s.robot(s.claim(ada, "acme"), "acme", "repository:acme/*:pull")
	s.try("Bearer "+robot.Reveal(), RepositoryPull, "acme/x")
	before := s.store.asked
	for range 100 {
		s.try("Bearer "+robot.Reveal(), RepositoryPull, "acme/x")
	}
	if asked := s.store.asked - before; asked != 0 {
		t.Errorf("a hundred requests within a second asked the store %d times", asked)
	}
}
