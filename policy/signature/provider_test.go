package signature_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy/signature"
)

// A program that cannot open a key says which build can, and never a PIN.
func TestKeysElsewhereNameTheBuildThatOpensThem_G1(t *testing.T) {
	t.Parallel()
	for ref, tag := range map[string]string{
		"awskms:///alias/acme":             "kms",
		"azurekms://vault/acme":            "kms",
		"gcpkms://projects/acme":           "kms",
		"hashivault://acme":                "kms",
		"pkcs11:token=t?pin-value=31337":   "pkcs11key",
		"pkcs11:object=o;x&pin-value=3133": "pkcs11key",
	} {
		scheme, _, _ := strings.Cut(ref, ":")
		if slices.Contains(signature.Providers(), scheme) {
			continue // this build opens them
		}
		_, err := signature.OpenKey(t.Context(), ref, nil)
		if !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "-tags "+tag) || strings.Contains(err.Error(), "3133") {
			t.Errorf("%s: got %v, want an invalid that names -tags %s", ref, err, tag)
		}
	}
	if _, err := signature.OpenKey(t.Context(), "k8s://acme/key", nil); !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "awskms://") {
		t.Errorf("an unknown scheme: got %v", err)
	}
}
