package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// A directory of something else may well hold folders named as those of a store:
// nothing in them is deleted, not even by what brings a lost store back.
func TestADirectoryOfSomethingElseIsNoStore(t *testing.T) {
	t.Parallel()
	for title, files := range map[string][]string{
		"content":                   {"content/posts/essay.md", "content/top.md"},
		"staging":                   {"staging/draft.txt"},
		"content, and a lock file":  {"content/top.md", "oarlock-lock.json"},
		"a state of something else": {"content/top.md", "state.json"},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(title, func(t *testing.T) {
				t.Parallel()
				s, l := lockedShop(t)
				dir := t.TempDir()
				for _, name := range files {
					path := filepath.Join(dir, filepath.FromSlash(name))
					if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("mine"), 0o644)); err != nil {
						t.Fatal(err)
					}
				}
				o := client.StoreOptions{Client: s.client(t), Puller: newPuller(t), Host: index.HostQuery{ID: "acme-editor", Version: "3.0"}, Recover: lost}
				store, err := client.OpenStore(dir, o)
				if err == nil {
					_, err = store.InstallLocked(t.Context(), l, client.LockedOptions{})
				}
				if !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, artifact.ErrUnverified) {
					t.Errorf("%v", err)
				}
				for _, name := range files {
					if got, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name))); string(got) != "mine" {
						t.Errorf("%s became %q, %v", name, got, err)
					}
				}
			})
		}
	}
}
