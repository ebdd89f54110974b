package auth

import (
	"maps"
	"testing"
)

// An address of one document is not verified by another. Proves B5.
func TestLoginTakesAnAddressAndItsProofFromOneDocument_B5(t *testing.T) {
	t.Parallel()
	const ada, eve = "ada@example.org", "eve@example.org"
	for name, row := range map[string]struct {
		token, userinfo map[string]any
		want            string
	}{
		"both in the token":                            {map[string]any{"email": ada, "email_verified": true}, nil, ada},
		"both in userinfo":                             {nil, map[string]any{"email": ada, "email_verified": true}, ada},
		"proof in the token, address in userinfo":      {map[string]any{"email_verified": true}, map[string]any{"email": eve}, ""},
		"address in the token, proof in userinfo":      {map[string]any{"email": eve}, map[string]any{"email_verified": true}, ""},
		"token unproven, userinfo proves another":      {map[string]any{"email": eve}, map[string]any{"email": ada, "email_verified": true}, ""},
		"token proves one, userinfo denies another":    {map[string]any{"email": ada, "email_verified": true}, map[string]any{"email": eve, "email_verified": false}, ada},
		"token's proof over userinfo's denied address": {map[string]any{"email_verified": true}, map[string]any{"email": eve, "email_verified": false}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, provider := withIDP(t)
			provider.change = func(c map[string]any) { maps.Copy(c, row.token) }
			maps.Copy(provider.userinfo, row.userinfo)
			if _, body := fetch(t, p.browser, "GET", p.web.URL+"/auth/login?return_to=/", nil); body != "person:ada" {
				t.Fatalf("logged in as %q", body)
			}
			account, err := p.store.Person(t.Context(), "person:ada")
			if err != nil || account.Email != row.want {
				t.Errorf("verified address %q, expected %q (%v)", account.Email, row.want, err)
			}
		})
	}
}
