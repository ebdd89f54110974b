package logins_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact/logins"
	"oras.land/oras-go/v2/registry/remote/auth"
)

func TestALinkedConfigurationStaysALink_K6(t *testing.T) {
	for name, target := range map[string]string{"relative": "../real/config.json", "two links": "../middle/config.json", "nothing yet": "../real/new.json"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, d := range []string{"real", "middle", "link"} {
				if err := os.Mkdir(filepath.Join(dir, d), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			link := filepath.Join(dir, "link", "config.json")
			if err := errors.Join(os.WriteFile(filepath.Join(dir, "real", "config.json"), []byte(`{"auths":{},"kept":1}`), 0o600),
				os.Symlink("../real/config.json", filepath.Join(dir, "middle", "config.json")), os.Symlink(target, link)); err != nil {
				t.Fatal(err)
			}
			t.Setenv("DOCKER_CONFIG", filepath.Dir(link))
			store, err := logins.Writable()
			if err != nil {
				t.Fatal(err)
			}
			if err := store.Put(t.Context(), "registry.example.org", auth.Credential{Username: "ada", Password: "secret"}); err != nil {
				t.Fatal(err)
			}
			if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link is %v, %v", info.Mode(), err)
			}
			if raw, err := os.ReadFile(link); err != nil || !strings.Contains(string(raw), "registry.example.org") {
				t.Errorf("what the link points to holds %q, %v", raw, err)
			}
			reader, err := logins.Open()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := reader.Get(t.Context(), "registry.example.org"); err != nil || got.Password != "secret" {
				t.Errorf("read back %+v, %v", got, err)
			}
		})
	}
}

func TestWithoutAHomeNobodyIsLoggedIn_K6(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", "")
	t.Setenv("HOME", "")
	store, err := logins.Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := store.Get(t.Context(), "registry.example.org"); err != nil || got != auth.EmptyCredential {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := logins.Writable(); !errors.Is(err, logins.ErrNoHome) {
		t.Errorf("a store to write to, without a place for it: %v", err)
	}
}

func TestLinksInACircleAreNamed_K6(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("config.json", filepath.Join(dir, "config.json")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", dir)
	if _, err := logins.Open(); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v", err)
	}
}
