//go:build e2e

// Package replicas tests two servers over one bucket and one database, each in
// a process of its own.
package replicas

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// oarlock is the path of the built binary.
var oarlock string

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "replicas:", err)
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (int, error) {
	for _, name := range []string{"OARLOCK_TEST_S3", "OARLOCK_TEST_POSTGRES"} {
		if os.Getenv(name) == "" {
			return 0, fmt.Errorf("%s is not set, run `make s3`", name)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "oarlock-replicas-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	oarlock = filepath.Join(dir, "oarlock")
	if out, err := exec.Command(filepath.Join(root, "scripts", "build"), oarlock).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build: %w\n%s", err, out)
	}
	return m.Run(), nil
}
