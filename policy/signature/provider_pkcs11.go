//go:build pkcs11key

package signature

import (
	"context"

	"github.com/sigstore/cosign/v2/pkg/cosign/pkcs11key"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

func init() { providers["pkcs11"] = openPKCS11 }

// openPKCS11 reads an RFC 7512 URI as cosign does: COSIGN_PKCS11_PIN and
// COSIGN_PKCS11_MODULE_PATH say what it leaves out, a person types the PIN else.
func openPKCS11(_ context.Context, ref string) (sigstore.SignerVerifier, error) {
	config := pkcs11key.NewPkcs11UriConfig()
	if err := config.Parse(ref); err != nil {
		return nil, err
	}
	key, err := pkcs11key.GetKeyWithURIConfig(config, true)
	if err != nil {
		return nil, err
	}
	return key.SignerVerifier()
}
