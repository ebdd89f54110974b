package auth

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

var visibilityNames = []string{"acme", "examples", "oak-lab", "oarlock", "nobodys"}

// drawPrincipal is somebody with any mixture of roles, scopes and access.
func drawPrincipal(t *rapid.T) Principal {
	kind := rapid.SampledFrom([]Kind{Anonymous, Person, Robot, Admin, Process}).Draw(t, "kind")
	p := Principal{Kind: kind, Name: string(kind) + ":x"}
	if kind == Person || kind == Admin {
		for range rapid.IntRange(0, 2).Draw(t, "grants") {
			g := Grant{Role: rapid.SampledFrom(NamespaceRoles()).Draw(t, "role"), Namespace: rapid.SampledFrom(visibilityNames).Draw(t, "namespace")}
			if rapid.IntRange(0, 4).Draw(t, "on site") == 0 {
				g = Grant{Role: rapid.SampledFrom(SiteRoles()).Draw(t, "site role")}
			}
			p.Grants = append(p.Grants, g)
		}
	}
	if kind == Robot || rapid.IntRange(0, 3).Draw(t, "scoped") == 0 && kind != Anonymous {
		p.Scopes = drawScopes(t, "acme/hello", "acme/*", "oak-lab/*", "*", "nobodys/*")
	}
	if rapid.IntRange(0, 4).Draw(t, "access") == 0 {
		p.Access = &Access{Scopes: drawScopes(t, "acme/hello", "oak-lab/lens")}
	}
	return p
}

func drawScopes(t *rapid.T, names ...string) []Scope {
	scopes := []Scope{}
	for range rapid.IntRange(0, 2).Draw(t, "scopes") {
		scopes = append(scopes, Scope{Type: TypeRepository, Name: rapid.SampledFrom(names).Draw(t, "scope"),
			Actions: []string{rapid.SampledFrom([]string{"pull", "push", "*"}).Draw(t, "word")}})
	}
	return scopes
}

// I7: what a catalog answer may name is what the table lets its reader pull,
// and readers of one class may pull the same.
func TestAVisibilityIsWhatTheTableSays_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.PublicCatalog = true })
	rapid.Check(t, func(t *rapid.T) {
		s.store.mu.Lock()
		clear(s.store.namespaces)
		for _, name := range []string{"acme", "examples", "oak-lab"} {
			s.store.namespaces[name] = NamespaceRecord{Name: name, Public: rapid.Bool().Draw(t, name)}
		}
		s.store.mu.Unlock()
		s.auth.forget()
		seen := map[string]string{}
		for range 6 {
			p := drawPrincipal(t)
			visibility, err := s.auth.Visibility(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			pulls := ""
			for _, ns := range visibilityNames {
				for _, repository := range []string{ns + "/hello", ns + "/lens"} {
					d, err := s.auth.Decide(t.Context(), p, RepositoryPull, InRepository(repository))
					if err != nil {
						t.Fatal(err)
					}
					if !visibility.All && visibility.Pulls(repository) != d.Allowed() {
						t.Fatalf("%+v sees %s: %v, the table says %+v", p, repository, visibility.Pulls(repository), d)
					}
					pulls += fmt.Sprint(visibility.Pulls(repository))
				}
			}
			if before, ok := seen[visibility.Class]; ok && before != pulls {
				t.Fatalf("%+v is of a class that sees %s, and sees %s", p, before, pulls)
			}
			seen[visibility.Class] = pulls
		}
	})
}

func TestAVisibilityThatCannotBeToldIsAnError_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if (Visibility{}).Pulls("acme/hello") {
		t.Error("the zero visibility pulls")
	}
	if _, err := s.auth.Visibility(t.Context(), Principal{}); err == nil {
		t.Error("nobody in particular may see something")
	}
	s.store.breakDown(errBroken)
	if _, err := s.auth.Visibility(t.Context(), Nobody()); !errors.Is(err, errBroken) {
		t.Errorf("without a store: %v", err)
	}
}

// A change made here is seen by the next question, one made elsewhere within CacheTTL.
func TestAVisibilityFollowsTheNamespaces_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, admin := s.admin()
	owner := s.claim(admin, "acme")
	before, err := s.auth.Visibility(t.Context(), Nobody())
	if err != nil || before.Pulls("acme/hello") {
		t.Fatalf("a private namespace is seen, error %v", err)
	}
	if _, err := s.Namespaces.Configure(t.Context(), owner, "acme", NamespaceSettings{Public: true}); err != nil {
		t.Fatal(err)
	}
	after, err := s.auth.Visibility(t.Context(), Nobody())
	if err != nil || !after.Pulls("acme/hello") || after.Class == before.Class {
		t.Fatalf("an opened namespace is not seen, error %v", err)
	}
	s.store.mu.Lock()
	s.store.namespaces["acme"] = NamespaceRecord{Name: "acme"}
	s.store.mu.Unlock()
	s.clock.move(CacheTTL)
	if closed, err := s.auth.Visibility(t.Context(), Nobody()); err != nil || closed.Pulls("acme/hello") {
		t.Fatalf("a namespace that another replica closed is seen, error %v", err)
	}
}

// A host sees what everybody may, and what it is given: where nobody reads without a
// login, that is what it is given alone.
func TestAHostSeesWhatItIsGiven_I7(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		pull, read, open bool // a login is needed to pull, and to read; what is public is seen
	}{
		"everybody pulls": {false, false, true},
		"everybody reads": {true, false, true},
		"nobody does":     {true, true, false},
	} {
		s := newSite(t, func(o *Options) {
			o.PublicCatalog, o.LoginToPull, o.LoginToRead = true, row.pull, row.read
			o.Given = func(context.Context, string, string) (Given, error) {
				return Given{Repositories: map[string]bool{"acme/hello": true, "oak-lab/lens": true}, Sum: "x"}, nil
			}
		})
		s.store.mu.Lock()
		for name, public := range map[string]bool{"acme": false, "examples": true, "oak-lab": true} {
			s.store.namespaces[name] = NamespaceRecord{Name: name, Public: public}
		}
		s.store.mu.Unlock()
		p := Principal{Kind: Host, Name: HostName("north", "editor-1"), Tenant: "north", Host: "editor-1"}
		v, err := s.auth.Visibility(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for repository, want := range map[string]bool{"acme/hello": true, "acme/secret": false, "examples/hello": row.open, "oak-lab/lens": true,
			"oak-lab/other": row.open, "oarlock/catalog": true, "nobodys/hello": false} {
			if got := v.Pulls(repository); got != want {
				t.Errorf("%s: it sees %s: %t", what, repository, got)
			}
			if d, err := s.auth.Decide(t.Context(), p, RepositoryPull, InRepository(repository)); err != nil || d.Allowed() != want && row.pull == row.read {
				t.Errorf("%s: of %s the table says %+v, error %v", what, repository, d, err)
			}
		}
	}
}
