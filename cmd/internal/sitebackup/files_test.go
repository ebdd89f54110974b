package sitebackup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/registry/backup"
)

// TestFilesOfABackupStayInTheDataDirectory_K6 restores one that somebody wrote.
func TestFilesOfABackupStayInTheDataDirectory_K6(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "backups")
	v, err := backup.Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	w, err := v.Begin(backup.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := w.Content(t.Context(), []byte("evil"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"../evil", "/evil", "a/../../evil"} {
		w.Manifest().Files = []backup.File{{Path: path, Mode: 0o6777, Object: o}}
		if err := filesFrom(v, w.Manifest(), t.TempDir()); err == nil {
			t.Errorf("%s was written", path)
		}
	}
	for mode, want := range map[uint32]os.FileMode{0o4600: 0o600, 0o666: 0o600, 0o640: 0o600, 0o6777: 0o700} {
		w.Manifest().Files = []backup.File{{Path: "keys/k", Mode: mode, Object: o}}
		data := t.TempDir()
		if err := filesFrom(v, w.Manifest(), data); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(filepath.Join(data, "keys/k")); err != nil || info.Mode() != want {
			t.Errorf("a file of mode %o: %v, %v", mode, info.Mode(), err)
		}
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestABackupLeavesOutWhatIsNoneOfTheSites_K6: neither the room that is kept for a
// full disk, nor what a cut write left.
func TestABackupLeavesOutWhatIsNoneOfTheSites_K6(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.Data = t.TempDir()
	skip, err := notFiles(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"reserve": true, "restoring.json": true, ".restoring.json.123.new": true, ".platform.key.42.new": true, "registry": true,
		"platform.key": false, "keys/reserve": false, "new": false, ".hidden": false,
	} {
		if got := skip(filepath.Join(c.Data, name)); got != want {
			t.Errorf("%s: left out %v, want %v", name, got, want)
		}
	}
}
