package app

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/store"
)

// signedSite is a site that was stopped and has signed all that is signed:
// ledgers, a log with leaves, logins, and a catalog whose root was rotated.
func signedSite(t *testing.T) (c config.Config) {
	t.Helper()
	c = configured(t)
	c.Dev = false
	var notice bytes.Buffer
	s, stop := startWith(t, c, &notice)
	admin := tokenText.FindString(notice.String())
	owner := accountOf(t, s, admin, "owner")
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, owner, 1)
	published(t, s)
	ask[any](t, s, admin, "POST", "/api/v1/admin/catalog/root", map[string]any{}, 200)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	return c
}

func loseFiles(t *testing.T, data, pattern string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, pattern))
	if err != nil || len(files) == 0 {
		t.Fatal(pattern, files, err)
	}
	for _, f := range files {
		if err := os.RemoveAll(f); err != nil {
			t.Fatal(err)
		}
	}
}

// Proves E1, K6: a key that was lost is not replaced by a new one without a word:
// the start ends, names it and the ways out, and writes no key.
func TestALostKeyIsNotMadeAnew_E1_K6(t *testing.T) {
	t.Parallel()
	whole := signedSite(t)
	for name, row := range map[string]struct {
		lost  string
		words []string
		// anew says that --new-keys is a way out.
		anew bool
	}{
		"platform":        {"platform.key", []string{"platform.key is not there", "oarlock/publishers:acme, signed by key sha256:", "restore", "--adopt-registry"}, false},
		"catalog":         {"catalog-keys", []string{"holds no root", "oarlock/catalog:latest", "restore", "--new-keys"}, true},
		"first root":      {"catalog-keys/1.root.json", []string{"1.root.json is not there, and 2.root.json is", "restore"}, false},
		"newest root":     {"catalog-keys/2.root.json", []string{"ends with 1.root.json, and root 2 is published", "restore"}, false},
		"online key":      {"catalog-keys/targets.*", []string{"keys of targets", "restore"}, false},
		"signs of logins": {"keys/*", []string{"no *.jwk.json", "restore", "--new-keys"}, true},
		"folder of those": {"keys", []string{"no *.jwk.json"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := whole
			c.Data = filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(c.Data, os.DirFS(whole.Data)); err != nil {
				t.Fatal(err)
			}
			if err := filepath.WalkDir(c.Data, func(path string, d os.DirEntry, err error) error { // CopyFS widens
				return errors.Join(err, os.Chmod(path, map[bool]os.FileMode{true: 0o700, false: 0o600}[d.IsDir()]))
			}); err != nil {
				t.Fatal(err)
			}
			loseFiles(t, c.Data, row.lost)
			before := filesOf(t, c.Data)
			refuses(t, c, options(io.Discard), row.words...)
			for name := range filesOf(t, c.Data) {
				if _, was := before[name]; !was && (strings.HasSuffix(name, ".key") || strings.HasSuffix(name, ".pem") || strings.HasSuffix(name, ".json")) {
					t.Errorf("a start that was refused made %s", name)
				}
			}
			o := options(io.Discard)
			o.NewKeys = true
			if !row.anew {
				refuses(t, c, o, row.words...)
				return
			}
			s, err := Open(t.Context(), c, o)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.signing.publisher.Publish(t.Context(), s.index.live.Current()); err != nil {
				t.Errorf("the catalog of another root is not replaced: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			refuses(t, c, o, "no keys are lost", "without --new-keys")
		})
	}
}

// Proves K6: where nothing was signed a key that is not there is made: a first
// start that was cut goes on.
func TestAFirstStartThatWasCutMakesItsKeys_K6(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev = false
	s, err := Open(t.Context(), c, options(io.Discard))
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	loseFiles(t, c.Data, "platform.key")
	loseFiles(t, c.Data, "catalog-keys/*.root.json")
	s, err = Open(t.Context(), c, options(io.Discard))
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Proves K6: a site whose database and key are both gone begins anew where the
// operator says so.
func TestAdoptionMakesANewPlatformKey_K6(t *testing.T) {
	t.Parallel()
	c := lostSite(t)
	loseFiles(t, c.Data, "platform.key")
	refuses(t, c, options(io.Discard), "the database holds no site")
	o := options(io.Discard)
	o.AdoptRegistry = true
	s, err := Open(t.Context(), c, o)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.PlatformKey(c.Data); err != nil {
		t.Error(err)
	}
}

// Proves K6: a link whose target is not mounted is no place for a new key.
func TestAKeyThatIsALinkToNothingIsNamed_K6(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Dev = false
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere/platform.key", filepath.Join(c.Data, config.PlatformKeyFile)); err != nil {
		t.Fatal(err)
	}
	refuses(t, c, options(io.Discard), "platform.key is a link to something that is not there")
}

// Proves K6: replicas have one platform key. One with no file takes it, one with
// another is refused, and nothing is written over.
func TestReplicasShareOnePlatformKey_K6(t *testing.T) {
	t.Parallel()
	shared, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "shared.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	first, second, stranger := t.TempDir(), t.TempDir(), t.TempDir()
	lost := func() error { return errors.New("lost") }
	if err := sharePlatformKey(t.Context(), shared, first, lost); err == nil || err.Error() != "lost" {
		t.Errorf("a key that was lost everywhere: %v", err)
	}
	if err := sharePlatformKey(t.Context(), shared, first, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time it has the file
		if err := sharePlatformKey(t.Context(), shared, second, lost); err != nil {
			t.Fatal(err)
		}
	}
	key, err := config.NewPlatformKey()
	if err == nil {
		err = config.KeepPlatformKey(stranger, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := sharePlatformKey(t.Context(), shared, stranger, lost); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Errorf("another key: %v", err)
	}
	if a, b, c := filesOf(t, first), filesOf(t, second), filesOf(t, stranger); !cmp.Equal(a, b) || c[config.PlatformKeyFile] != string(key) {
		t.Error("the replicas have two keys, or one was written over")
	}
}
