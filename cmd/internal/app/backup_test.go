package app

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/sitebackup"
	"github.com/oarlock/oarlock/index"
)

var quiet = slog.New(slog.DiscardHandler)

// guarded is a site with a namespace, a member's token and two versions, one
// of them listed, that still serves.
func guarded(t *testing.T) (c config.Config, s *Server, admin string, stop func() error) {
	t.Helper()
	trust := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(trust, []byte("namespaces:\n  acme: {signature: optional}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c = configured(t)
	c.Dev, c.Trust = false, trust
	notice := &strings.Builder{}
	s, stop = startWith(t, c, notice)
	admin = tokenText.FindString(notice.String())
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	pushAs(t, s, admin, 2)
	return c, s, admin, stop
}

func digestOf(s *Server) string { return s.index.live.Current().Stamp().CatalogDigest.String() }

// TestASiteComesBackFromABackup_K6: the backup is made beside the running
// server; what comes back has its catalog, tokens, keys and audit log.
func TestASiteComesBackFromABackup_K6(t *testing.T) {
	t.Parallel()
	c, s, admin, stop := guarded(t)
	dest := filepath.Join(t.TempDir(), "backups")
	first, err := sitebackup.Make(t.Context(), c, dest, sitebackup.Options{Log: quiet})
	if err != nil || len(first.Damage) > 0 || first.Catalog != digestOf(s) {
		t.Fatalf("%+v, %v; the catalog is %s", first, err, digestOf(s))
	}
	pushAs(t, s, admin, 3)
	second, err := sitebackup.Make(t.Context(), c, dest, sitebackup.Options{Log: quiet})
	if err != nil || second.NewObjects == 0 || second.NewObjects >= first.NewObjects || second.Catalog == first.Catalog {
		t.Fatalf("the second copied %d objects, the first %d: %v", second.NewObjects, first.NewObjects, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		id    string
		want  sitebackup.Made
		total int
	}{
		"the newest":  {"", second, 3},
		"the earlier": {first.ID, first, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := configured(t)
			to.Dev = false
			done, err := sitebackup.Restore(t.Context(), to, dest, sitebackup.RestoreOptions{Backup: row.id, Log: quiet})
			if err != nil || len(done.Damage) > 0 || !done.Agrees || done.Rebuilt != row.want.Catalog {
				t.Fatalf("%+v, %v", done, err)
			}
			to.Trust = done.Trust
			back, stop := start(t, to) // without a bootstrap token: there are tokens
			if got := digestOf(back); got != row.want.Catalog {
				t.Errorf("it serves catalog %s, expected %s", got, row.want.Catalog)
			}
			got := ask[index.Rebuilt](t, back, admin, "POST", "/api/v1/admin/rebuild?check=true", nil, 200)
			if !got.Agrees {
				t.Errorf("rebuild --check: %+v", got)
			}
			pushAs(t, back, admin, 9)
			for _, file := range []string{"platform.key"} {
				was, err := os.ReadFile(filepath.Join(c.Data, file))
				is, isErr := os.ReadFile(filepath.Join(to.Data, file))
				if err := errors.Join(err, isErr); err != nil || string(was) != string(is) {
					t.Errorf("%s differs: %v", file, err)
				}
			}
			if err := stop(); err != nil {
				t.Fatal(err)
			}
			if _, err := sitebackup.Restore(t.Context(), to, dest, sitebackup.RestoreOptions{Log: quiet}); !errors.Is(err, artifact.ErrConflict) {
				t.Errorf("into a directory that is in use: %v", err)
			}
		})
	}
}

// TestAServerDoesNotStartInAHalfRestoredDirectory_K6 cuts restores at each
// place, and goes on.
func TestAServerDoesNotStartInAHalfRestoredDirectory_K6(t *testing.T) {
	t.Parallel()
	c, _, _, stop := guarded(t)
	dest := filepath.Join(t.TempDir(), "backups")
	made, err := sitebackup.Make(t.Context(), c, dest, sitebackup.Options{Log: quiet})
	if err := errors.Join(err, stop()); err != nil {
		t.Fatal(err)
	}
	to := configured(t)
	to.Dev = false
	// kill -9 while the marker is written leaves this, and nothing else.
	if err := os.MkdirAll(to.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to.Data, ".restoring.json.1234567.new"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), to, options(io.Discard)); !errors.Is(err, config.ErrUnusable) || !strings.Contains(err.Error(), "a restore did not end here") {
		t.Errorf("cut before the marker a server starts: %v", err)
	}
	cut := errors.New("cut")
	for _, at := range []string{"bytes", "rows", "files", "audit"} {
		_, err := sitebackup.Restore(t.Context(), to, dest, sitebackup.RestoreOptions{Log: quiet, Backup: made.ID, Step: func(part string) error {
			if part == at {
				return cut
			}
			return nil
		}})
		if !errors.Is(err, cut) {
			t.Fatalf("cut before the %s: %v", at, err)
		}
		if _, err := Open(t.Context(), to, options(io.Discard)); !errors.Is(err, config.ErrUnusable) || !strings.Contains(err.Error(), "a restore did not end here") {
			t.Errorf("cut before the %s a server starts: %v", at, err)
		}
	}
	if _, err := sitebackup.Restore(t.Context(), to, dest, sitebackup.RestoreOptions{Log: quiet, Backup: made.ID}); err != nil {
		t.Fatal(err)
	}
	s, _ := start(t, to)
	if left, err := filepath.Glob(filepath.Join(to.Data, "*restoring*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	resp, err := visitor.Get(s.URL() + "/readyz")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

func TestDamageInASiteIsNamedByItsBackup_K6(t *testing.T) {
	t.Parallel()
	c, _, _, _ := guarded(t)
	blobs, err := filepath.Glob(filepath.Join(c.Data, "registry/docker/registry/v2/blobs/sha256/*/*/data"))
	if err != nil || len(blobs) == 0 {
		t.Fatalf("%v, %v", blobs, err)
	}
	if err := os.Remove(blobs[0]); err != nil {
		t.Fatal(err)
	}
	dest := filepath.Join(t.TempDir(), "backups")
	made, err := sitebackup.Make(t.Context(), c, dest, sitebackup.Options{Log: quiet})
	if err != nil || len(made.Damage) == 0 || !strings.Contains(made.Damage[0].Digest.Encoded(), filepath.Base(filepath.Dir(blobs[0]))) {
		t.Fatalf("%+v, %v", made, err)
	}
	to := configured(t)
	done, err := sitebackup.Restore(t.Context(), to, dest, sitebackup.RestoreOptions{Log: quiet})
	if err != nil || len(done.Damage) == 0 || !done.Agrees {
		t.Errorf("%+v, %v", done, err)
	}
}

func TestABackupKeepsApartFromItsSite_K6(t *testing.T) {
	t.Parallel()
	c := configured(t)
	if err := os.MkdirAll(filepath.Join(c.Data, "registry"), 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(c.Data, link); err != nil {
		t.Fatal(err)
	}
	for _, dest := range []string{c.Data, filepath.Join(c.Data, "backups"), filepath.Dir(c.Data), filepath.Join(link, "x", "y")} {
		if _, err := sitebackup.Make(t.Context(), c, dest, sitebackup.Options{Log: quiet}); !errors.Is(err, config.ErrUnusable) || !strings.Contains(err.Error(), "is copied") {
			t.Errorf("%s: %v", dest, err)
		}
	}
	if _, err := sitebackup.Make(t.Context(), c, t.TempDir(), sitebackup.Options{Log: quiet}); !errors.Is(err, config.ErrUnusable) || !strings.Contains(err.Error(), "platform.key") {
		t.Errorf("a site that never ran: %v", err)
	}
	if left, err := os.ReadDir(c.Data); err != nil || len(left) != 1 {
		t.Errorf("the backup made something: %v, %v", left, err)
	}
}
