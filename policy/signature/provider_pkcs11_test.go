//go:build pkcs11key

package signature_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ThalesIgnite/crypto11"
	"github.com/oarlock/oarlock/policy/signature"
)

// modules are where distributions put SoftHSM's library.
var modules = []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/pkcs11/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"}

// token makes a token of SoftHSM with a key, and gives the URI of the key.
func token(t *testing.T) string {
	t.Helper()
	util, err := exec.LookPath("softhsm2-util")
	module := ""
	for _, path := range modules {
		if _, missing := os.Stat(path); missing == nil {
			module = path
		}
	}
	if err != nil || module == "" {
		t.Skip("there is no SoftHSM: scripts/tools/apt softhsm2 installs it")
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(config, []byte("directories.tokendir = "+dir+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", config)
	if out, err := exec.CommandContext(t.Context(), util, "--init-token", "--free", "--label", "oarlock", "--pin", "313373", "--so-pin", "313373").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	hsm, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: "oarlock", Pin: "313373"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := hsm.GenerateRSAKeyPairWithLabel([]byte{1}, []byte("acme"), 2048); err != nil {
		t.Fatal(err)
	}
	if err := hsm.Close(); err != nil {
		t.Fatal(err)
	}
	return "pkcs11:token=oarlock;object=acme?module-path=" + module
}

// A key that never leaves its token signs what its public half verifies.
func TestAKeyInATokenSigns_G1(t *testing.T) {
	ref := token(t)
	t.Setenv("COSIGN_PKCS11_IGNORE_CERTIFICATE", "1")
	if _, err := signature.OpenKey(t.Context(), ref+"&pin-value=999999", nil); err == nil || strings.Contains(err.Error(), "999999") {
		t.Errorf("a wrong PIN: got %v", err)
	}
	key, err := signature.OpenKey(t.Context(), ref+"&pin-value=313373", nil)
	if err != nil {
		t.Fatal(err)
	}
	signsAndVerifies(t, key)
}
