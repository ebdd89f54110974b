//go:build e2e

package replicas

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// run gives what oarlock prints as JSON.
func run[T any](t *testing.T, args ...string) (out T) {
	t.Helper()
	cmd := command(t, append(args, "--output", "json")...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	raw, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatalf("oarlock %s: %v\n%s%s", strings.Join(args, " "), err, raw, &stderr)
	}
	return out
}

// command runs oarlock with no settings of its own in the environment.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), oarlock, args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "OARLOCK_") })
	return cmd
}

type made struct {
	Catalog string `json:"catalog_digest"`
	Rows    int    `json:"rows"`
	Damage  []any  `json:"damage"`
	New     int    `json:"new_objects"`
}

type restored struct {
	Rebuilt string `json:"rebuilt_digest"`
	Agrees  bool   `json:"agrees"`
	Damage  []any  `json:"damage"`
}

// TestBackupMovesBetweenBucketsAndFiles_K6: a site of two replicas is backed up
// while both take pushes; its backup becomes a site of files and SQLite, and
// the backup of that a site in a bucket and PostgreSQL again.
func TestBackupMovesBetweenBucketsAndFiles_K6(t *testing.T) {
	t.Parallel()
	bucket := newSite(t)
	data := t.TempDir()
	replicas := []*replica{bucket.start(t, "--dev", "--data", data), bucket.start(t)}
	for i := range 6 {
		if err := replicas[i%2].publish("acme/before", fmt.Sprintf("1.0.%d", i), []byte(fmt.Sprint("layer ", i))); err != nil {
			t.Fatal(err)
		}
	}
	var stop atomic.Bool
	var pushing sync.WaitGroup
	for n, r := range replicas {
		pushing.Go(func() {
			for i := 0; !stop.Load(); i++ {
				if err := r.publish(fmt.Sprintf("acme/during-%d", n), fmt.Sprintf("1.0.%d", i), []byte(fmt.Sprint("layer ", n, i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	dest := filepath.Join(t.TempDir(), "backups")
	from := []string{"--data", data, "--storage", bucket.storage, "--db", bucket.db, "--dev"}
	run[made](t, append([]string{"backup", dest}, from...)...)
	stop.Store(true)
	pushing.Wait()
	quiet := run[made](t, append([]string{"backup", dest}, from...)...)
	if len(quiet.Damage) > 0 || quiet.Rows == 0 {
		t.Errorf("%+v", quiet)
	}
	var catalog struct {
		Digest string `json:"catalog_digest"`
	}
	for _, r := range replicas {
		until(t, patience, "the catalog is that of the backup", func() error {
			if err := r.json("/api/v1/catalog", &catalog); err != nil || catalog.Digest == quiet.Catalog {
				return err
			}
			return fmt.Errorf("%s, the backup has %s", catalog.Digest, quiet.Catalog)
		})
	}
	files := filepath.Join(t.TempDir(), "files")
	back := run[restored](t, "restore-backup", dest, "--data", files)
	if !back.Agrees || back.Rebuilt != quiet.Catalog || len(back.Damage) > 0 {
		t.Errorf("files: %+v", back)
	}
	second := filepath.Join(t.TempDir(), "backups")
	if again := run[made](t, "backup", second, "--data", files, "--dev"); again.Catalog != quiet.Catalog || again.Rows != quiet.Rows+1 {
		t.Errorf("the backup of the files: %+v, expected %+v and the row of the restore", again, quiet)
	}
	other := newSite(t)
	back = run[restored](t, "restore-backup", second, "--data", filepath.Join(t.TempDir(), "data"), "--storage", other.storage, "--db", other.db)
	if !back.Agrees || back.Rebuilt != quiet.Catalog || len(back.Damage) > 0 {
		t.Errorf("bucket: %+v", back)
	}
	r := other.start(t)
	until(t, patience, "the restored site lists what it had", func() error { return r.listed("acme/before", "1.0.5") })
	if err := r.publish("acme/before", "2.0.0", []byte("after")); err != nil {
		t.Errorf("a push to the restored site: %v", err)
	}
	cmd := command(t, "restore-backup", second, "--data", filepath.Join(t.TempDir(), "data"), "--storage", other.storage, "--db", other.db)
	if out, err := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 11 || !strings.Contains(string(out), "not empty") {
		t.Errorf("into a bucket that is in use: %v\n%s", err, out)
	}
}
