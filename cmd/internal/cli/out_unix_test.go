//go:build unix

package cli

import (
	"io"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A pipe without a reader would hold a verb in its open, which no signal ends.
func TestAPipeThatNobodyReadsIsRefused_L3(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	err := writeOut(path, func(io.Writer) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "nobody reads") || exitCode(err) != exitUsage {
		t.Errorf("%v", err)
	}
}
