//go:build kms

package signature

import (
	"context"
	"crypto"

	sigstore "github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/aws"        // awskms://
	_ "github.com/sigstore/sigstore/pkg/signature/kms/azure"      // azurekms://
	_ "github.com/sigstore/sigstore/pkg/signature/kms/gcp"        // gcpkms://
	_ "github.com/sigstore/sigstore/pkg/signature/kms/hashivault" // hashivault://
)

func init() {
	for scheme, tag := range providerTags {
		if tag == "kms" {
			providers[scheme] = openKMS
		}
	}
}

// openKMS takes the credentials of each service from where its own tools do.
func openKMS(ctx context.Context, ref string) (sigstore.SignerVerifier, error) {
	return kms.Get(ctx, ref, crypto.SHA256)
}
