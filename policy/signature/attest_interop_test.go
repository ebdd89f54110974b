//go:build e2e

package signature_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/opencontainers/go-digest"
)

// cosignNames are the types that stock cosign knows by name, and one that it
// takes by its URI.
var cosignNames = map[string]string{"cyclonedx": attest.TypeCycloneDX, "spdxjson": attest.TypeSPDX, "slsaprovenance": attest.TypeProvenanceV02,
	"slsaprovenance1": attest.TypeProvenanceV1, "vuln": attest.TypeCosignVuln, attest.TypeReview: attest.TypeReview}

func (s *site) predicate(t *testing.T, predicateType string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "predicate.json")
	if err := os.WriteFile(path, []byte(attesttest.Good[predicateType]), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *site) byDigest(t *testing.T) string {
	t.Helper()
	d, err := s.image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return s.host + "/acme/hello@" + d.String()
}

// attested fails unless the site has one attestation of that type, which counts.
func (s *site) attested(t *testing.T, predicateType, format string) {
	t.Helper()
	signed, err := signature.New(signature.Options{Trust: s.trust(t)})
	if err != nil {
		t.Fatal(err)
	}
	judge, err := attest.New(signed, 1)
	if err != nil {
		t.Fatal(err)
	}
	subject, evidence, err := signature.Remote{}.Evidence(t.Context(), s.byDigest(t))
	if err != nil {
		t.Fatal(err)
	}
	got, err := judge.Judge(t.Context(), subject, evidence)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.All) != 1 || len(got.Evidence) != 0 {
		t.Fatalf("got %+v, want one attestation", got)
	}
	if a := got.All[0]; !a.Verified || a.PredicateType != predicateType || a.Format != format || a.Kind == "" || a.Digest.Validate() != nil {
		t.Errorf("got %+v, want a verified %s in %s", a, predicateType, format)
	}
}

func (s *site) attest(t *testing.T, predicateType, format string) digest.Digest {
	t.Helper()
	done, err := signature.Attest(t.Context(), signature.AttestOptions{Reference: s.byDigest(t), Key: s.key, Password: password("secret"),
		Format: format, PredicateType: predicateType, Predicate: []byte(attesttest.Good[predicateType])})
	if err != nil {
		t.Fatal(err)
	}
	return done.Digest
}

// TestStockCosign2AndWeAgreeOnAttestations_G2 attests with each and verifies
// with the other.
func TestStockCosign2AndWeAgreeOnAttestations_G2(t *testing.T) {
	t.Parallel()
	binary := stock(t, "cosign2")
	for name, predicateType := range cosignNames {
		t.Run("cosign attests "+name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, true)
			s.cosign(t, binary, "attest", "-y", "--key", s.key, "--tlog-upload=false", "--allow-http-registry",
				"--type", name, "--predicate", s.predicate(t, predicateType), s.byDigest(t))
			s.attested(t, predicateType, policy.FormatCosignTag)
		})
		t.Run("we attest "+name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, true)
			s.attest(t, predicateType, policy.FormatCosignTag)
			s.cosign(t, binary, "verify-attestation", "--key", s.public, "--insecure-ignore-tlog", "--allow-http-registry", "--type", name, s.byDigest(t))
			s.attested(t, predicateType, policy.FormatCosignTag)
		})
	}
	t.Run("cosign attests as a bundle", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, true)
		s.cosign(t, binary, "attest", "-y", "--key", s.key, "--tlog-upload=false", "--allow-http-registry", "--new-bundle-format",
			"--type", "cyclonedx", "--predicate", s.predicate(t, attest.TypeCycloneDX), s.byDigest(t))
		s.attested(t, attest.TypeCycloneDX, policy.FormatBundle)
	})
	t.Run("we attest as nobody said how", func(t *testing.T) {
		t.Parallel()
		s, root := newSite(t, true), filepath.Join(t.TempDir(), "root.json")
		s.attest(t, attest.TypeCycloneDX, "")
		s.cosign(t, binary, "trusted-root", "create", "--out", root)
		s.cosign(t, binary, "verify-attestation", "--key", s.public, "--insecure-ignore-tlog", "--allow-http-registry",
			"--new-bundle-format", "--trusted-root", root, "--type", "cyclonedx", s.byDigest(t))
		s.attested(t, attest.TypeCycloneDX, policy.FormatBundle)
	})
	t.Run("both attest in the same tag", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, true)
		s.attest(t, attest.TypeSPDX, policy.FormatCosignTag)
		s.cosign(t, binary, "attest", "-y", "--key", s.key, "--tlog-upload=false", "--allow-http-registry",
			"--type", "cyclonedx", "--predicate", s.predicate(t, attest.TypeCycloneDX), s.byDigest(t))
		s.attest(t, attest.TypeProvenanceV1, policy.FormatCosignTag)
		for _, name := range []string{"cyclonedx", "spdxjson", "slsaprovenance1"} {
			s.cosign(t, binary, "verify-attestation", "--key", s.public, "--insecure-ignore-tlog", "--allow-http-registry", "--type", name, s.byDigest(t))
		}
	})
}

// TestStockCosign3AndWeAgreeOnAttestations_G2 does the same with bundles.
func TestStockCosign3AndWeAgreeOnAttestations_G2(t *testing.T) {
	t.Parallel()
	binary := stock(t, "cosign3")
	for name, predicateType := range cosignNames {
		for _, referrers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, referrers API: %v", name, referrers), func(t *testing.T) {
				t.Parallel()
				s, other, dir := newSite(t, referrers), newSite(t, referrers), t.TempDir()
				config, root := filepath.Join(dir, "sc.json"), filepath.Join(dir, "tr.json")
				s.cosign(t, binary, "signing-config", "create", "--out", config)
				s.cosign(t, binary, "trusted-root", "create", "--out", root)
				s.cosign(t, binary, "attest", "-y", "--key", s.key, "--signing-config", config, "--allow-http-registry",
					"--type", name, "--predicate", s.predicate(t, predicateType), s.byDigest(t))
				s.attested(t, predicateType, policy.FormatBundle)
				other.attest(t, predicateType, policy.FormatBundle)
				other.cosign(t, binary, "verify-attestation", "--key", other.public, "--insecure-ignore-tlog", "--trusted-root", root,
					"--allow-http-registry", "--type", name, other.byDigest(t))
			})
		}
	}
}
