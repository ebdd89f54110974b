//go:build e2e

package signature_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/policy"
)

// stock is a cosign binary of scripts/tools, or the test is skipped: what needs
// nothing but Go stays that way.
func stock(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		built, _ := filepath.Abs(filepath.Join("..", "..", ".cache", "tools", "bin", name))
		if _, err := os.Stat(built); err != nil {
			t.Skipf("no %s: scripts/tools/install %s", name, name)
		}
		path = built
	}
	return path
}

func (s *site) cosign(t *testing.T, binary string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "COSIGN_PASSWORD=secret", "COSIGN_EXPERIMENTAL=1", "HOME="+t.TempDir(), "DOCKER_CONFIG="+t.TempDir(),
		"HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1", "NO_PROXY=127.0.0.1,localhost")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%s", binary, args, err, out)
	}
}

// TestStockCosign2AndWeAgree_G1 signs with each and verifies with the other.
func TestStockCosign2AndWeAgree_G1(t *testing.T) {
	t.Parallel()
	binary := stock(t, "cosign2")
	digestOf := func(s *site) string {
		d, err := s.image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return s.host + "/acme/hello@" + d.String()
	}
	for name, row := range map[string]struct {
		format string
		flags  []string
	}{
		"in the tag":    {policy.FormatCosignTag, nil},
		"as a referrer": {policy.FormatCosignReferrer, []string{"--registry-referrers-mode=oci-1-1"}},
	} {
		t.Run("cosign signs "+name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, true)
			s.cosign(t, binary, append([]string{"sign", "-y", "--key", s.key, "--tlog-upload=false", "--allow-http-registry"}, append(row.flags, digestOf(s))...)...)
			if v, err := s.verify(t, "acme/hello:1.0.0"); err != nil || v.Signature.Format != row.format {
				t.Errorf("got %+v, %v, want verified in %s", v, err, row.format)
			}
		})
		t.Run("we sign "+name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, true)
			if _, err := s.sign(t.Context(), "acme/hello:1.0.0", row.format); err != nil {
				t.Fatal(err)
			}
			verify := []string{"verify", "--key", s.public, "--insecure-ignore-tlog", "--allow-http-registry"}
			if row.flags != nil {
				verify = append(verify, "--experimental-oci11")
			}
			s.cosign(t, binary, append(verify, digestOf(s))...)
		})
	}
}

// TestStockCosign3AndWeAgree_G1 does the same with bundles.
func TestStockCosign3AndWeAgree_G1(t *testing.T) {
	t.Parallel()
	binary := stock(t, "cosign3")
	for _, referrers := range []bool{true, false} {
		s := newSite(t, referrers)
		dir := t.TempDir()
		config, root := filepath.Join(dir, "sc.json"), filepath.Join(dir, "tr.json")
		s.cosign(t, binary, "signing-config", "create", "--out", config)
		s.cosign(t, binary, "trusted-root", "create", "--out", root)
		d, err := s.image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		ref := s.host + "/acme/hello@" + d.String()
		s.cosign(t, binary, "sign", "-y", "--key", s.key, "--signing-config", config, "--allow-http-registry", ref)
		if v, err := s.verify(t, "acme/hello:1.0.0"); err != nil || v.Signature.Format != policy.FormatBundle {
			t.Errorf("cosign signs (referrers API: %v): got %+v, %v", referrers, v, err)
		}
		other := newSite(t, referrers)
		if _, err := other.sign(t.Context(), "acme/hello:1.0.0", policy.FormatBundle); err != nil {
			t.Fatal(err)
		}
		if d, err = other.image.Digest(); err != nil {
			t.Fatal(err)
		}
		other.cosign(t, binary, "verify", "--key", other.public, "--insecure-ignore-tlog", "--trusted-root", root, "--allow-http-registry",
			other.host+"/acme/hello@"+d.String())
	}
}
