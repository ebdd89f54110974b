//go:build kms || pkcs11key

package signature_test

import (
	"testing"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// signsAndVerifies signs a version in each form and judges it by the public half.
func signsAndVerifies(t *testing.T, key *signature.Key) {
	t.Helper()
	public, err := trust.ParseKey(key.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := trust.NewSigner("elsewhere", public)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{policy.FormatCosignTag, policy.FormatCosignReferrer, policy.FormatBundle} {
		s := newSite(t, true)
		ref := s.host + "/acme/hello:1.0.0"
		if _, err := signature.Sign(t.Context(), signature.SignOptions{Reference: ref, Opened: key, Format: format}); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		v, err := signature.VerifyRemote(t.Context(), signature.VerifyOptions{Reference: ref, Trust: trust.Only(signer)})
		if err != nil || v.Signature.Signer != "elsewhere" {
			t.Errorf("%s: %+v, %v", format, v, err)
		}
	}
}
