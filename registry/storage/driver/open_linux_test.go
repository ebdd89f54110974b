package driver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// openBelow are the files below dir that this process has open.
func openBelow(t *testing.T, dir string) (open []string) {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range all {
		// What was closed meanwhile leads nowhere.
		if to, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(to, dir) {
			open = append(open, to)
		}
	}
	return open
}

// A storage that cannot be opened leaves no file open, and its directory free.
func TestAnOpenThatFailsKeepsNothingOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := Options{Dir: dir, Driver: "filesystem", Parameters: map[string]any{"maxthreads": "many"}}
	if d, err := Open(t.Context(), o); err == nil {
		t.Fatalf("opened %v with %v", d, o.Parameters)
	}
	if open := openBelow(t, dir); len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
	o.Parameters = nil
	d, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if open := openBelow(t, dir); len(open) == 0 {
		t.Error("an open storage has no file open: the test sees none")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if open := openBelow(t, dir); len(open) != 0 {
		t.Errorf("open after Close: %v", open)
	}
}
