package signature

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	sigstore "github.com/sigstore/sigstore/pkg/signature"
)

// A provider opens keys that are kept elsewhere than in files.
type provider func(ctx context.Context, ref string) (sigstore.SignerVerifier, error)

// providerTags are the schemes of such keys, as cosign names them, with the
// build tag that brings the provider of each.
var providerTags = map[string]string{
	"awskms": "kms", "azurekms": "kms", "gcpkms": "kms", "hashivault": "kms", "pkcs11": "pkcs11key",
}

// providers are those that this program was built with.
var providers = map[string]provider{}

// Providers are the schemes of keys that this program can sign with besides
// files and env://, sorted: awskms, azurekms, gcpkms and hashivault in a build
// with -tags kms, pkcs11 in one with -tags pkcs11key.
func Providers() []string { return slices.Sorted(maps.Keys(providers)) }

// schemes are those of all providers, as they begin a key.
func schemes() []string {
	var out []string
	for _, scheme := range slices.Sorted(maps.Keys(providerTags)) {
		if scheme == "pkcs11" {
			out = append(out, "pkcs11:")
			continue
		}
		out = append(out, scheme+"://")
	}
	return out
}

// provided opens the key behind ref where it is kept elsewhere, and reports
// whether it is. Errors wrap artifact.ErrInvalid where this program cannot.
func provided(ctx context.Context, ref string) (sigstore.SignerVerifier, bool, error) {
	scheme, _, ok := strings.Cut(ref, ":")
	tag, elsewhere := providerTags[scheme]
	if !ok || !elsewhere {
		return nil, false, nil
	}
	open, ok := providers[scheme]
	if !ok {
		return nil, true, fmt.Errorf("key %q: this program was built without %s: build it with -tags %s: %w", withoutPIN(ref), scheme, tag, artifact.ErrInvalid)
	}
	signer, err := open(ctx, ref)
	if err != nil {
		return nil, true, fmt.Errorf("key %q: %s", withoutPIN(ref), withoutPIN(err.Error()))
	}
	return signer, true, nil
}

var pinValue = regexp.MustCompile(`pin-value=[^&;"\s]*`)

// withoutPIN is text fit to be shown.
func withoutPIN(text string) string { return pinValue.ReplaceAllString(text, "pin-value=…") }
