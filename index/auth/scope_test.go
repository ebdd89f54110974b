package auth

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/artifact"
)

func TestParseScope_B5(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Scope{
		"repository:acme/hello:pull":                {Type: "repository", Name: "acme/hello", Actions: []string{"pull"}},
		"repository:acme/hello:pull,push,pull":      {Type: "repository", Name: "acme/hello", Actions: []string{"pull", "push"}},
		"repository(plugin):acme/hello:pull":        {Type: "repository", Class: "plugin", Name: "acme/hello", Actions: []string{"pull"}},
		"registry:catalog:*":                        {Type: "registry", Name: "catalog", Actions: []string{"*"}},
		"repository:localhost:5000/acme/hello:push": {Type: "repository", Name: "localhost:5000/acme/hello", Actions: []string{"push"}},
		"repository:acme/*:pull":                    {Type: "repository", Name: "acme/*", Actions: []string{"pull"}},
	} {
		got, err := ParseScope(text)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{
		"", ":", "::", "repository:acme/hello", "repository:acme/hello:", "repository::pull", ":acme/hello:pull",
		"Repository:acme/hello:pull", "repository:acme//hello:pull", "repository:/acme:pull", "repository:acme/:pull",
		"repository:acme/hello:pull,", "repository:acme/hello:PULL", "repository(:acme/hello:pull", "repository():a/b:pull",
		"repository:*/hello:pull", "repository:acme/h*:pull", "repository:acme/he\"llo:pull", "repository:acme/hé:pull",
		"repository:../etc:pull", "repository:" + strings.Repeat("a", 256) + ":pull",
	} {
		if got, err := ParseScope(text); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%q: %+v, %v, want ErrInvalid", text, got, err)
		}
	}
}

func TestParseScopesIsBounded(t *testing.T) {
	t.Parallel()
	one := "repository:acme/hello:pull "
	if got, err := ParseScopes(strings.Repeat(one, maxScopes)); err != nil || len(got) != maxScopes {
		t.Errorf("%d scopes: %v", len(got), err)
	}
	for name, text := range map[string]string{
		"too many": strings.Repeat(one, maxScopes+1), "too long": strings.Repeat("x", maxScopeText+1), "one bad": one + "x",
	} {
		if _, err := ParseScopes(text); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParseScope: what parses is written back the same, and covers nothing
// outside the name that it shows.
func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"repository:acme/hello:pull,push", "registry:catalog:*", "repository(plugin):a:5/b:*", "a::b", "repository:acme/*:pull"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScope(text)
		if err != nil {
			if !errors.Is(err, artifact.ErrInvalid) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		again, err := ParseScope(s.String())
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Fatalf("%q → %q: %v %s", text, s, err, diff)
		}
		if s.Name != "*" && s.covers(RepositoryPull, InRepository("zz-not-named/zz")) && s.Name != "zz-not-named/zz" && s.Name != "zz-not-named/*" {
			t.Fatalf("%q covers a repository that it does not name", text)
		}
	})
}
