package signature_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// messageBundle is a sigstore bundle by k over content itself, as `cosign
// sign-blob` writes it; change may change what it says.
func messageBundle(t testing.TB, k key, content []byte, change func(message map[string]any)) []byte {
	t.Helper()
	signed, err := k.SignMessage(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	message := map[string]any{"messageDigest": messageDigest(k, content), "signature": signed}
	if change != nil {
		change(message)
	}
	raw, err := json.Marshal(map[string]any{"mediaType": artifact.TypeBundle, "messageSignature": message,
		"verificationMaterial": map[string]any{"publicKey": map[string]any{"hint": "aGludA=="}}})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// messageDigest is the digest of content that k's bundles name.
func messageDigest(k key, content []byte) map[string]any {
	switch {
	case strings.Contains(k.name, "prehashed"):
		sum := sha512.Sum512(content)
		return map[string]any{"algorithm": "SHA2_512", "digest": sum[:]}
	case strings.Contains(k.name, "SHA-384"):
		sum := sha512.Sum384(content)
		return map[string]any{"algorithm": "SHA2_384", "digest": sum[:]}
	}
	sum := sha256.Sum256(content)
	return map[string]any{"algorithm": "SHA2_256", "digest": sum[:]}
}

// stamped lays a timestamp of the witnesses beside the signature of a manifest.
func (c *craft) stamped(form string, m ocispec.Manifest) ocispec.Manifest {
	if form == simpleForm {
		return c.s.witnessed(c.t, policy.FormatCosignReferrer, c.k, c.subject, func(w *witness, _, signature []byte) { witnesses().stamp(c.t, w, signature) })
	}
	raw := c.layerOf(m)
	var b struct {
		Message  struct{ Signature []byte } `json:"messageSignature"`
		Envelope struct {
			Signatures []struct{ Sig []byte }
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		c.t.Fatal(err)
	}
	signed := b.Message.Signature
	if form == bundleForm {
		signed = b.Envelope.Signatures[0].Sig
	}
	var w witness
	witnesses().stamp(c.t, &w, signed)
	return c.s.bundleManifest(withProof(c.t, raw, w))
}
