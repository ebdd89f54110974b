//go:build e2e

package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"

	gcrname "github.com/google/go-containerregistry/pkg/name"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// imported makes a key of each type, and imports it with a cosign.
func imported(t *testing.T, s *site, binary, keyType string) (private, public string) {
	t.Helper()
	var key crypto.Signer
	var err error
	switch keyType {
	case "ECDSA P-256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ECDSA P-384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ECDSA P-521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "RSA 2048":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "RSA 4096":
		key, err = rsa.GenerateKey(rand.Reader, 4096)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	prefix := filepath.Join(t.TempDir(), "imported")
	if err := os.WriteFile(prefix+".pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cosign(t, binary, "import-key-pair", "--key", prefix+".pem", "--output-key-prefix", prefix)
	return prefix + ".key", prefix + ".pub"
}

// TestEveryKeyOfStockCosign_G1 signs with each type of key in each form that
// cosign 2 and 3 write, and verifies.
func TestEveryKeyOfStockCosign_G1(t *testing.T) {
	t.Parallel()
	one, two := stock(t, "cosign2"), stock(t, "cosign3")
	for _, keyType := range []string{"ECDSA P-256", "ECDSA P-384", "ECDSA P-521", "Ed25519", "RSA 2048", "RSA 4096"} {
		private, public := imported(t, new(site), two, keyType)
		for name, row := range map[string]struct {
			format string
			sign   func(t *testing.T, s *site, key, ref string)
		}{
			"cosign 2 in the tag": {policy.FormatCosignTag, func(t *testing.T, s *site, key, ref string) {
				s.cosign(t, one, "sign", "-y", "--key", key, "--tlog-upload=false", "--allow-http-registry", ref)
			}},
			"cosign 2 as a referrer": {policy.FormatCosignReferrer, func(t *testing.T, s *site, key, ref string) {
				s.cosign(t, one, "sign", "-y", "--key", key, "--tlog-upload=false", "--registry-referrers-mode=oci-1-1", "--allow-http-registry", ref)
			}},
			"cosign 2 as a bundle": {policy.FormatBundle, func(t *testing.T, s *site, key, ref string) {
				s.cosign(t, one, "sign", "-y", "--key", key, "--tlog-upload=false", "--new-bundle-format", "--allow-http-registry", ref)
			}},
			"cosign 3 as a bundle": {policy.FormatBundle, func(t *testing.T, s *site, key, ref string) {
				s.cosign(t, two, "sign", "-y", "--key", key, "--signing-config", s.unlogged(t, two), "--allow-http-registry", ref)
			}},
			"cosign 2 as a bundle of a blob": {policy.FormatBundle, func(t *testing.T, s *site, key, ref string) {
				s.blobBundle(t, ref, func(blob, out string) {
					s.cosign(t, one, "sign-blob", "-y", "--key", key, "--tlog-upload=false", "--new-bundle-format", "--bundle", out, blob)
				})
			}},
			"cosign 3 as a bundle of a blob": {policy.FormatBundle, func(t *testing.T, s *site, key, ref string) {
				s.blobBundle(t, ref, func(blob, out string) {
					s.cosign(t, two, "sign-blob", "-y", "--key", key, "--signing-config", s.unlogged(t, two), "--bundle", out, blob)
				})
			}},
		} {
			if keyType == "Ed25519" && name == "cosign 2 as a bundle of a blob" {
				continue // cosign 2.6.5 itself ends in a panic
			}
			t.Run(keyType+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, true)
				d, err := s.image.Digest()
				if err != nil {
					t.Fatal(err)
				}
				ref := s.host + "/acme/hello@" + d.String()
				row.sign(t, s, private, ref)
				s.public = public
				v, err := s.verify(t, "acme/hello:1.0.0")
				if err != nil || v.Signature.Format != row.format {
					t.Errorf("got %+v, %v, want verified in %s", v, err, row.format)
				}
				if v, err := signature.VerifyRemote(t.Context(), signature.VerifyOptions{Reference: ref, Trust: trust.Only(keys()["stranger"].signer(t))}); err == nil {
					t.Errorf("by another key: got %+v", v)
				}
			})
		}
	}
}

// unlogged is a signing configuration without any service.
func (s *site) unlogged(t *testing.T, binary string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sc.json")
	s.cosign(t, binary, "signing-config", "create", "--out", path)
	return path
}

// blobBundle signs the manifest as the file that it is, and stores the bundle
// beside it.
func (s *site) blobBundle(t *testing.T, ref string, sign func(blob, out string)) {
	t.Helper()
	raw, err := s.image.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	blob, out := filepath.Join(t.TempDir(), "manifest.json"), filepath.Join(t.TempDir(), "bundle.json")
	if err := os.WriteFile(blob, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	sign(blob, out)
	bundle, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	at, err := gcrname.NewDigest(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := ociremote.WriteAttestationNewBundleFormat(at, bundle, types.CosignSignPredicateType); err != nil {
		t.Fatal(err)
	}
}
