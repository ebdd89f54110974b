package auth

import (
	"net/http/httptest"
	"testing"
)

// BenchmarkRequest is what authentication and permission add to one request
// whose credential was seen within CacheTTL.
func BenchmarkRequest(b *testing.B) {
	files, err := OpenKeyFiles(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	c, store := newClock(), newMemory()
	keys, err := OpenKeys(b.Context(), files, KeyOptions{Now: c.Now})
	if err != nil {
		b.Fatal(err)
	}
	parts, err := New(Options{Stores: OneDatabase(store), Keys: keys, PublicURL: "http://x", Now: c.Now})
	if err != nil {
		b.Fatal(err)
	}
	a := parts.Authority
	token, _, err := parts.Tokens.Bootstrap(b.Context(), FirstToken{})
	if err != nil {
		b.Fatal(err)
	}
	admin, err := a.Authenticate(b.Context(), token.Reveal(), direct...)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := parts.Namespaces.Claim(b.Context(), admin, "acme"); err != nil {
		b.Fatal(err)
	}
	text, err := a.who.signAccess(admin, []Scope{{Type: TypeRepository, Name: "acme/hello", Actions: []string{"pull"}}}, c.Now())
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/v2/", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	for b.Loop() {
		p, err := a.Identify(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := a.Check(With(b.Context(), p), RepositoryPull, InRepository("acme/hello")); err != nil {
			b.Fatal(err)
		}
	}
}
