package auth

import (
	"fmt"
	"slices"
	"strings"
)

// A GrantRule gives a role to people for whom a claim has a value, or holds it
// when it is a list, such as groups.
type GrantRule struct {
	Claim, Value string
	Grant        Grant
}

// chosenClaims are the standard claims (OpenID Connect Core 1.0, section 5.1)
// that people set themselves at many providers, and that section 5.7 says are
// not to be relied on as identifiers. "email" is not among them: it counts
// where the provider says that it is verified.
var chosenClaims = []string{
	"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
	"gender", "birthdate", "zoneinfo", "locale", "phone_number", "address",
}

// Check says what keeps a rule from giving a role. Errors wrap artifact.ErrInvalid.
func (g GrantRule) Check() error {
	claim := strings.ToLower(strings.TrimSpace(g.Claim))
	switch {
	case claim == "":
		return invalid("grant of %s: the claim is missing: name one that the provider sets, such as groups", g.Grant)
	case slices.Contains(chosenClaims, claim):
		return invalid("grant of %s: people can choose their claim %q themselves, and so the role: use one that the provider sets, such as groups or roles, or sub for one person", g.Grant, g.Claim)
	case g.Value == "":
		return invalid("grant of %s: the value of the claim %q is missing", g.Grant, g.Claim)
	}
	if _, err := ParseGrant(g.Grant.String()); err != nil {
		return fmt.Errorf("grant for %s=%q: %w", g.Claim, g.Value, err)
	}
	return nil
}

// holds reports whether claims are such that the rule gives its role. An
// address of e-mail is only what somebody typed until it is verified.
func (g GrantRule) holds(claims map[string]any) bool {
	if g.Claim == "email" {
		if verified, _ := claims["email_verified"].(bool); !verified {
			return false
		}
	}
	switch v := claims[g.Claim].(type) {
	case string:
		return v == g.Value
	case []any:
		return slices.Contains(v, any(g.Value))
	}
	return false
}

func (p *provider) grants(claims map[string]any) []string {
	var grants []string
	for _, rule := range p.o.Grants {
		if text := rule.Grant.String(); rule.holds(claims) && !slices.Contains(grants, text) {
			grants = append(grants, text)
		}
	}
	return grants
}
