//go:build unix

package bounded

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// A name may mean something else when it is opened than when it was looked at.
func TestWhatWasOpenedIsLookedAt(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"a file":      func() error { _, err := openOnly(pipe, NonBlock, regular); return err },
		"a directory": func() error { _, err := openOnly(pipe, NonBlock, regularOrDir); return err },
	} {
		if err := f(); !errors.Is(err, artifact.ErrInvalid) || !strings.Contains(err.Error(), "is a pipe") {
			t.Errorf("the name of %s means a pipe now: %v", name, err)
		}
	}
}
