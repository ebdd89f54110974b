//go:build keyless

package keyless

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries holds the path of oarlock, of each client and of each authority.
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "keyless:", err)
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (int, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return 0, err
	}
	for _, name := range []string{"oras", "cosign2", "cosign3", "fulcio", "rekor-server", "timestamp-server"} {
		binaries[name] = filepath.Join(root, ".cache", "tools", "bin", name)
	}
	binaries["oidc-provider"] = os.Getenv("OARLOCK_TEST_OIDC")
	for name, path := range binaries {
		if _, err := os.Stat(path); err != nil {
			return 0, fmt.Errorf("%s is not installed, run `make keyless`: %w", name, err)
		}
	}
	dir, err := os.MkdirTemp("", "oarlock-keyless-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binaries["oarlock"] = filepath.Join(dir, "oarlock")
	build := exec.Command(filepath.Join(root, "scripts", "build"), binaries["oarlock"])
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build: %w\n%s", err, out)
	}
	return m.Run(), nil
}
