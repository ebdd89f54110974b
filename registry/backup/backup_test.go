package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// TestRestoreAnswersAsWhatWasBackedUp_K6 also looks at the backup itself as a
// registry, and at the second backup, which copies only what is new.
func TestRestoreAnswersAsWhatWasBackedUp_K6(t *testing.T) {
	t.Parallel()
	dir, vault := t.TempDir(), filepath.Join(t.TempDir(), "vault")
	s := newSite(t, registrytest.Dir(dir))
	hello := s.fill()
	if _, err := s.Blocks.Block(t.Context(), block.Block{Repository: "acme/hello", Digest: hello, Code: "emergency_removed"}); err != nil {
		t.Fatal(err)
	}
	g := beside(t, dir)
	want := world(t, s.Storage)
	first, m, p, err := backUp(t.Context(), vault, g)
	if err != nil || len(m.Damage) > 0 || p.Objects == 0 {
		t.Fatalf("%+v, damage %v, %v", p, m.Damage, err)
	}
	if _, again, p, err := backUp(t.Context(), vault, g); err != nil || p.Objects != 0 || len(again.Damage) > 0 {
		t.Errorf("a second backup of the same copied %d objects: %v, damage %v", p.Objects, err, again.Damage)
	}
	s.publish(artifacttest.Version{ID: "acme/hello", Version: "1.1.0"})
	newer := world(t, s.Storage)
	second, _, p, err := backUp(t.Context(), vault, g)
	if err != nil || p.Objects != 2 { // the layer is the same
		t.Errorf("a version more copied %d objects: %v", p.Objects, err)
	}
	for id, want := range map[string]map[string]string{first: want, second: newer} {
		v, err := Open(vault)
		if err != nil {
			t.Fatal(err)
		}
		m, err := v.Load(id)
		if err != nil {
			t.Fatal(err)
		}
		seen, err := v.View(t.Context(), m, storage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sameWorld(t, "the view", want, world(t, seen))
		err = v.Verify(t.Context(), []string{id}, nil, func(id string, d Damage) { t.Errorf("%s: %s", id, d) })
		if err := errors.Join(err, seen.Close(), v.Close()); err != nil {
			t.Fatal(err)
		}
		back, damage := restore(t, vault, id, t.TempDir())
		if len(damage) > 0 {
			t.Errorf("damage %v", damage)
		}
		sameWorld(t, "the restored registry", want, world(t, back.Storage))
		if blocked, err := back.Blocks.Blocked(t.Context()); err != nil || len(blocked) != 1 || blocked[0].Digest != hello {
			t.Errorf("blocked after the restore: %v, %v", blocked, err)
		}
		if err := back.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("restored: %+v", d) }); err != nil {
			t.Error(err)
		}
	}
}

// TestDamageIsNamedAndTheRestBackedUp_K6 breaks the registry's bytes.
func TestDamageIsNamedAndTheRestBackedUp_K6(t *testing.T) {
	t.Parallel()
	dir, vault := t.TempDir(), filepath.Join(t.TempDir(), "vault")
	s := newSite(t, registrytest.Dir(dir))
	s.fill()
	flipped, gone, manifest := digest.FromString("a review"), digest.FromString("a signature"), s.note("free/deep/er", "kept", "of a manifest", "")
	data := func(d digest.Digest) string {
		return filepath.Join(dir, "docker/registry/v2/blobs/sha256", d.Encoded()[:2], d.Encoded(), "data")
	}
	for _, err := range []error{os.WriteFile(data(flipped), []byte("A review"), 0o644), os.Remove(data(gone)), os.WriteFile(data(manifest), []byte("{"), 0o644)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second one has listings to compare with
		_, m, _, err := backUp(t.Context(), vault, beside(t, dir))
		if err != nil {
			t.Fatal(err)
		}
		named := map[digest.Digest]bool{}
		for _, d := range m.Damage {
			named[d.Digest] = true
		}
		if len(named) != 3 || !named[flipped] || !named[gone] || !named[manifest] {
			t.Errorf("damage %v", m.Damage)
		}
	}
	v, err := Open(vault)
	if err != nil {
		t.Fatal(err)
	}
	id, err := v.Find("")
	if err := errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	back, damage := restore(t, vault, id, t.TempDir())
	if len(damage) != 3 {
		t.Errorf("the restore named %v", damage)
	}
	if d, err := back.Storage.Resolve(t.Context(), "acme/native", "1.0.0"); err != nil {
		t.Errorf("what was whole: %s, %v", d, err)
	}
}

// TestDamagedBackupIsNamed_K6 breaks the vault's bytes.
func TestDamagedBackupIsNamed_K6(t *testing.T) {
	t.Parallel()
	dir, vault := t.TempDir(), filepath.Join(t.TempDir(), "vault")
	s := newSite(t, registrytest.Dir(dir))
	s.fill()
	id, m, _, err := backUp(t.Context(), vault, beside(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(vault)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = v.Close() }()
	review := digest.FromString("a review")
	for name, row := range map[string]struct {
		path string
		to   string
		says string
	}{
		"a blob with other bytes":    {v.at(objects, review), "A review", review.String()},
		"a blob that is shorter":     {v.at(objects, review), "a", review.String()},
		"a blob that is longer":      {v.at(objects, review), "a review!", review.String()},
		"a listing with other bytes": {v.at(listings, m.Repositories[0].Listing.Digest), "{}", m.Repositories[0].Name},
		"a manifest of a backup":     {v.path("backups", id+".json"), "{}", id},
	} {
		t.Run(name, func(t *testing.T) {
			good, err := os.ReadFile(row.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(row.path, []byte(row.to), 0o600); err != nil {
				t.Fatal(err)
			}
			var found []string
			err = v.Verify(t.Context(), []string{id}, nil, func(id string, d Damage) { found = append(found, id+" "+d.String()) })
			if err != nil || len(found) != 1 || !strings.Contains(found[0], row.says) {
				t.Errorf("found %q, %v", found, err)
			}
			if _, err := v.Load(id); err == nil {
				if _, damage := restore(t, vault, id, t.TempDir()); len(damage) != 1 || !strings.Contains(damage[0].String(), row.says) {
					t.Errorf("the restore named %v", damage)
				}
			} else if !errors.Is(err, artifact.ErrUnverified) {
				t.Error(err)
			}
			if err := os.WriteFile(row.path, good, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestOnlyTheNewestBackupsStay_K6: what they name stays whole, the rest goes.
func TestOnlyTheNewestBackupsStay_K6(t *testing.T) {
	t.Parallel()
	dir, vault := t.TempDir(), filepath.Join(t.TempDir(), "vault")
	s := newSite(t, registrytest.Dir(dir))
	s.fill()
	g := beside(t, dir)
	var last string
	for _, text := range []string{"one", "two", "three"} {
		s.note("free/deep/er", "moving", text, "")
		s.send("DELETE", "free/deep/er/manifests/moving", "", nil)
		var err error
		if last, _, _, err = backUp(t.Context(), vault, g); err != nil {
			t.Fatal(err)
		}
	}
	want := world(t, s.Storage)
	v, err := Create(vault)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := v.List()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Prune(t.Context(), 0); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("none kept: %v", err)
	}
	p, err := v.Prune(t.Context(), 1)
	if err != nil || len(p.Backups) != len(ids)-1 {
		t.Errorf("%+v of %d, %v", p, len(ids), err)
	}
	if left, err := v.List(); err != nil || len(left) != 1 || left[0] != ids[0] {
		t.Errorf("%v left, %v", left, err)
	}
	if again, err := v.Prune(t.Context(), 1); err != nil || again.Objects != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if ids[0] != last {
		t.Errorf("%s is the newest, expected %s", ids[0], last)
	}
	back, damage := restore(t, vault, last, t.TempDir())
	if len(damage) > 0 {
		t.Error(damage)
	}
	sameWorld(t, "the one that stayed", want, world(t, back.Storage))
}

func TestVaultKeepsToItself_K6(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(home); !errors.Is(err, artifact.ErrConflict) || !strings.Contains(err.Error(), "letter.txt") {
		t.Errorf("a directory with something else in it: %v", err)
	}
	if _, err := Open(home); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a directory without backups: %v", err)
	}
	dir := filepath.Join(t.TempDir(), "vault")
	one, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("two writers: %v", err)
	}
	if _, err := Open(dir); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("a reader beside a writer: %v", err)
	}
	if _, err := one.Find(""); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("the newest of none: %v", err)
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestRestoreGoesOn_K6 cuts a restore, damages what it had written, and goes on.
func TestRestoreGoesOn_K6(t *testing.T) {
	t.Parallel()
	dir, vault, to := t.TempDir(), filepath.Join(t.TempDir(), "vault"), t.TempDir()
	s := newSite(t, registrytest.Dir(dir))
	s.fill()
	id, m, _, err := backUp(t.Context(), vault, beside(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	v, err := Open(vault)
	if err != nil {
		t.Fatal(err)
	}
	g, err := registrytest.Open(t.Context(), registrytest.Dir(to))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(t.Context())
	_, err = v.Restore(ctx, m, NewIntake(g.Storage, g.Blocks), func(p Progress) {
		if p.Objects == 3 {
			cut()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("cut: %v", err)
	}
	if err := errors.Join(g.Close(), v.Close()); err != nil {
		t.Fatal(err)
	}
	written, err := filepath.Glob(filepath.Join(to, "docker/registry/v2/blobs/sha256/*/*/data"))
	if err != nil || len(written) == 0 {
		t.Fatalf("%v, %v", written, err)
	}
	if err := os.Truncate(written[0], 1); err != nil {
		t.Fatal(err)
	}
	back, damage := restore(t, vault, id, to)
	if len(damage) > 0 {
		t.Error(damage)
	}
	sameWorld(t, "the restored registry", world(t, s.Storage), world(t, back.Storage))
}
