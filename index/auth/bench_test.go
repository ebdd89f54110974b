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
	a, err := New(Options{Store: store, Keys: keys, PublicURL: "http://x", Now: c.Now})
	if err != nil {
		b.Fatal(err)
	}
	token, _, err := a.Bootstrap(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	admin, err := a.Authenticate(b.Context(), token.Reveal(), direct...)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := a.Claim(b.Context(), admin, "acme"); err != nil {
		b.Fatal(err)
	}
	text, err := a.signAccess(admin, []Scope{{Type: TypeRepository, Name: "acme/hello", Actions: []string{"pull"}}}, c.Now())
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
