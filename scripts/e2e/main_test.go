//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binaries holds the path of oarlock and of each stock client.
var binaries = map[string]string{}

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (int, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return 0, err
	}
	for _, name := range []string{"oras", "crane", "cosign2", "cosign3", "regctl", "regsync", "registry"} {
		path := filepath.Join(root, ".cache", "tools", "bin", name)
		if _, err := os.Stat(path); err != nil {
			return 0, fmt.Errorf("%s is not installed, run `make e2e`: %w", name, err)
		}
		binaries[name] = path
	}
	dir, err := os.MkdirTemp("", "oarlock-e2e-")
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
