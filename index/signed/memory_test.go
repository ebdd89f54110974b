//go:build unix

package signed

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Proves B12: what a reader remembers of a catalog is its owner's alone.
func TestMemoryIsPrivate_B12(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	m, err := openMemory(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"root.json", "blobs/00"} {
		if err := m.put(name, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
