package auth

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestOneAccountClaimsSoMany_B4, also when it gave away
// or closed what it had. An admin of the site is not limited.
func TestOneAccountClaimsSoMany_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.MaxClaims = 3 })
	ctx := t.Context()
	_, admin := s.admin()
	_, ada := s.person("ada")
	_, bob := s.person("bob")
	got := 0
	for _, name := range []string{"kestrel", "plover", "turnstone", "whimbrel", "dunlin"} {
		if _, err := s.Namespaces.Claim(ctx, ada, name); err == nil {
			got++
		} else if !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got != 3 {
		t.Fatalf("%d claims", got)
	}
	owner := ada
	owner.Grants = []Grant{{Role: RoleOwner, Namespace: "kestrel"}, {Role: RoleOwner, Namespace: "plover"}}
	if err := s.Namespaces.Transfer(ctx, owner, "kestrel", bob.Name); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Namespaces.Close(ctx, owner, "plover"); err != nil {
		t.Fatal(err)
	}
	var full *ClaimsError
	if _, err := s.Namespaces.Claim(ctx, ada, "godwit"); !errors.As(err, &full) || full.Limit != 3 {
		t.Errorf("after giving away and closing: %v", err)
	}
	for _, name := range []string{"godwit", "curlew", "avocet", "sanderling"} {
		if _, err := s.Namespaces.Claim(ctx, admin, name); err != nil {
			t.Errorf("an admin: %v", err)
		}
	}
	if _, err := s.Namespaces.Claim(ctx, bob, "knot-y"); err != nil {
		t.Errorf("who was given one: %v", err)
	}
}

// TestAuditRowsAreInTheWordsOfTheAPI_B7: keys in snake_case, no time that never
// was, numbers whole.
func TestAuditRowsAreInTheWordsOfTheAPI_B7(t *testing.T) {
	t.Parallel()
	text, err := auditText(NamespaceRecord{Name: "acme", PublishingOff: true, CreatedAt: time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC), Revision: 1<<60 + 1})
	want := `{"created_at":"2030-05-01T12:00:00Z","created_by":"","name":"acme","public":false,"publishing_off":true,"revision":1152921504606846977}`
	if text != want || err != nil {
		t.Errorf("got  %s %v\nwant %s", text, err, want)
	}
	text, err = auditText([]any{TokenRecord{ID: "x"}, map[string]any{"kind": "key.added", "body": map[string]string{"PEM": "-"}}})
	if err != nil || !strings.HasPrefix(text, `[{"created_by":"","hash":null,"id":"x",`) || !strings.Contains(text, `{"body":{"pem":"-"},"kind":"key.added"}`) {
		t.Errorf("%s %v", text, err)
	}
}
