package derive

import (
	"crypto/ecdsa"
	"fmt"

	"github.com/oarlock/oarlock/policy/ledger"
	"github.com/oarlock/oarlock/policy/trust"
)

// A Platform is the site's own key, as ledgers are signed and judged by it.
type Platform struct {
	Signer  *ledger.Signer
	Trusted trust.Signer
}

// platformName is what findings call the site's own key.
const platformName = "this platform"

// PlatformOf is the one with this key.
func PlatformOf(key *ecdsa.PrivateKey) (Platform, error) {
	signer, err := ledger.NewSigner(key)
	if err != nil {
		return Platform{}, fmt.Errorf("platform key: %w", err)
	}
	trusted, err := trust.NewSigner(platformName, key.Public())
	return Platform{signer, trusted}, err
}

// Platforms are those whose ledgers count: the site's own, and those that
// the trust policy names.
func (p Platform) Platforms(who *trust.Policy) []trust.Signer {
	return append([]trust.Signer{p.Trusted}, who.Platforms()...)
}
