package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
)

// onlyContent is the directory of the one version that a store holds.
func onlyContent(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "content", "*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("content: %v, %v", found, err)
	}
	return found[0]
}

// Whatever became of the files of an installed plugin, List names it, and Install
// and Update bring back what was verified, although no version changes.
func TestWhatIsOnDiskIsHeldToWhatWasVerified_L1(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{files: map[string]string{"sub/more.txt": "more"}})
	elsewhere := t.TempDir()
	for title, harm := range map[string]func(content string) error{
		"content gone":  os.RemoveAll,
		"record gone":   func(c string) error { return os.Remove(filepath.Join(c, "record.json")) },
		"record edited": func(c string) error { return edit(filepath.Join(c, "record.json"), "verified", "unsigned") },
		"file gone":     func(c string) error { return os.Remove(filepath.Join(c, "files", "main.txt")) },
		"file longer": func(c string) error {
			return os.WriteFile(filepath.Join(c, "files", "main.txt"), []byte("evil evil evil evil"), 0o644)
		},
		"file same size":  func(c string) error { return edit(filepath.Join(c, "files", "main.txt"), "1.0.0", "6.6.6") },
		"file added":      func(c string) error { return os.WriteFile(filepath.Join(c, "files", "sub", "new.so"), nil, 0o644) },
		"file executable": func(c string) error { return os.Chmod(filepath.Join(c, "files", "main.txt"), 0o755) },
		"file is a link": func(c string) error {
			at := filepath.Join(c, "files", "main.txt")
			return errors.Join(os.Rename(at, at+".away"), os.Symlink("main.txt.away", at))
		},
		"files are a link": func(c string) error {
			return errors.Join(os.RemoveAll(filepath.Join(c, "files")), os.Symlink(elsewhere, filepath.Join(c, "files")))
		},
		"content is a link": func(c string) error {
			return errors.Join(os.RemoveAll(filepath.Join(elsewhere, "moved")), os.Rename(c, filepath.Join(elsewhere, "moved")), os.Symlink(filepath.Join(elsewhere, "moved"), c))
		},
	} {
		for how, again := range map[string]func(*client.Store) (*client.Change, error){
			"install": func(s *client.Store) (*client.Change, error) {
				return s.Install(t.Context(), index.Want{ID: "acme/tool"})
			},
			"update": func(s *client.Store) (*client.Change, error) { return s.Update(t.Context()) },
		} {
			t.Run(title+", "+how, func(t *testing.T) {
				dir := t.TempDir()
				store := openStore(t, s, dir)
				install(t, store, "acme/tool")
				if c := install(t, store, "acme/tool"); len(c.Restored) != 0 {
					t.Fatalf("nothing was done to it, and %v came again", c.Restored)
				}
				if err := harm(onlyContent(t, dir)); err != nil {
					t.Fatal(err)
				}
				if _, err := store.List(t.Context()); !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "acme/tool 1.0.0") {
					t.Errorf("list: %v", err)
				}
				c, err := again(store)
				if err != nil || len(c.Changed) != 0 || len(c.Restored) != 1 {
					t.Fatalf("%+v, %v", c, err)
				}
				if got := active(t, store); got != "acme/tool 1.0.0" {
					t.Errorf("active is %s", got)
				}
				if _, err := store.Verify(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if left, _ := filepath.Glob(filepath.Join(elsewhere, "moved", "record.json")); len(left) != 1 {
		t.Error("what the link led to was deleted")
	}
}

func edit(path, from, to string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strings.Replace(string(raw), from, to, 1)), 0o644)
}

// A file with the size and time of before is found by whoever reads every byte:
// Verify, and each change.
func TestAForgedTimeHidesNothingFromVerify(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	dir := t.TempDir()
	store := openStore(t, s, dir)
	install(t, store, "acme/tool")
	path := filepath.Join(onlyContent(t, dir), "files", "main.txt")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(edit(path, "1.0.0", "6.6.6"), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Verify(t.Context()); !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), `"main.txt" has digest`) {
		t.Errorf("verify: %v", err)
	}
	if c := install(t, store, "acme/tool"); len(c.Restored) != 1 {
		t.Errorf("install: %+v", c)
	}
	if _, err := store.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	later := time.Now().Add(time.Hour) // a copy of a store has other times, and the same bytes
	if err := os.Chtimes(path, later, later); err != nil {
		t.Fatal(err)
	}
	if got := active(t, store); got != "acme/tool 1.0.0" {
		t.Errorf("a copy: %s", got)
	}
}

// Content or a lock file without a state is a state that was lost, not a store
// in which nothing is installed.
func TestALostStateIsNamed(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	for title, harm := range map[string]func(dir string) error{
		"beside content and lock": func(string) error { return nil },
		"beside content":          func(dir string) error { return os.Remove(filepath.Join(dir, "oarlock-lock.json")) },
		"beside a lock":           func(dir string) error { return os.RemoveAll(filepath.Join(dir, "content")) },
	} {
		dir := t.TempDir()
		store := openStore(t, s, dir)
		install(t, store, "acme/tool")
		if err := errors.Join(os.Remove(filepath.Join(dir, "state.json")), harm(dir)); err != nil {
			t.Fatal(err)
		}
		_, open := client.OpenStore(dir, client.StoreOptions{})
		_, list := store.List(t.Context())
		_, again := store.Install(t.Context(), index.Want{ID: "acme/tool"})
		for _, err := range []error{open, list, again} {
			if !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "state.json") {
				t.Errorf("%s: %v", title, err)
			}
		}
	}
}

// The directory of all content must be one: what is behind a link is another's.
func TestContentElsewhereIsRefused(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/tool", "1.0.0", release{})
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "content")
	store := openStore(t, s, dir)
	install(t, store, "acme/tool")
	if err := errors.Join(os.Rename(filepath.Join(dir, "content"), elsewhere), os.Symlink(elsewhere, filepath.Join(dir, "content")),
		os.Mkdir(filepath.Join(elsewhere, "mine"), 0o755)); err != nil {
		t.Fatal(err)
	}
	_, list := store.List(t.Context())
	_, again := store.Update(t.Context())
	for _, err := range []error{list, again} {
		if !errors.Is(err, artifact.ErrUnverified) || !strings.Contains(err.Error(), "is a link") {
			t.Errorf("got %v", err)
		}
	}
	if _, err := os.Stat(filepath.Join(elsewhere, "mine")); err != nil {
		t.Error("what lies behind the link was tidied up")
	}
}
