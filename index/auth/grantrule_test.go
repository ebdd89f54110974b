package auth

import (
	"errors"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// Proves B5: a claim that people choose themselves gives nobody a role.
func TestChosenClaimsGiveNoRole_B5(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{"preferred_username", "nickname", "name", "Nickname", " name", "phone_number", ""} {
		rule := GrantRule{claim, "admin", Grant{Role: RoleAdmin}}
		err := rule.Check()
		if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "groups") {
			t.Errorf("claim %q: %v, expected it refused with what to use instead", claim, err)
		}
		if _, err := newProvider(ProviderOptions{Issuer: "https://id.example", ClientID: "x", Grants: []GrantRule{rule}}, ""); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("a provider takes claim %q: %v", claim, err)
		}
	}
	for _, claim := range []string{"groups", "roles", "sub", "email", "https://example.org/team"} {
		if err := (GrantRule{claim, "x", Grant{Role: RoleReviewer}}).Check(); err != nil {
			t.Errorf("claim %q: %v", claim, err)
		}
	}
}

// Proves B5: an address that is not verified is only what somebody typed.
func TestUnverifiedEmailGivesNoRole_B5(t *testing.T) {
	t.Parallel()
	rule := GrantRule{"email", "boss@example.org", Grant{Role: RoleAdmin}}
	for name, verified := range map[string]any{"absent": nil, "false": false, "a text": "true", "a number": 1} {
		if rule.holds(map[string]any{"email": "boss@example.org", "email_verified": verified}) {
			t.Errorf("email_verified %s gives the role", name)
		}
	}
	if !rule.holds(map[string]any{"email": "boss@example.org", "email_verified": true}) {
		t.Error("a verified address gives no role")
	}
}
