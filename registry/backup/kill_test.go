package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/registrytest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("OARLOCK_TEST_BACK_UP"); dir != "" {
		fmt.Println(backUpUntilKilled(dir, os.Getenv("OARLOCK_TEST_VAULT")))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// backUpUntilKilled says on stdout each object that it copied, and waits on
// stdin until it may go on: whoever kills it knows where it stands.
func backUpUntilKilled(dir, vault string) error {
	g, err := registrytest.Open(context.Background(), registrytest.Dir(dir), besides)
	if err != nil {
		return err
	}
	v, err := Create(vault)
	if err != nil {
		return err
	}
	w, err := v.Begin(Options{Workers: 1, Progress: func(Progress) {
		fmt.Print(".")
		_, _ = os.Stdin.Read(make([]byte, 1))
	}})
	if err != nil {
		return err
	}
	if err := w.Registry(context.Background(), g.Storage, g.Blocks); err != nil {
		return err
	}
	_, err = w.Commit()
	return errors.Join(err, errors.New("the end"))
}

// TestKilledBackupIsNoBackupAndTheNextGoesOn_K6 kills one after each number of
// steps that it takes. It runs alone: a process that is being started holds
// the locks of its parent for a moment.
func TestKilledBackupIsNoBackupAndTheNextGoesOn_K6(t *testing.T) {
	dir, vault := t.TempDir(), filepath.Join(t.TempDir(), "vault")
	s := newSite(t, registrytest.Dir(dir))
	s.fill()
	for i := range 6 {
		s.publish(artifacttest.Version{ID: "acme/hello", Version: fmt.Sprintf("2.0.%d", i), Files: map[string]string{"a": fmt.Sprint(i)}})
	}
	for steps := 1; ; steps += 3 {
		if !killAfter(t, dir, vault, steps) {
			break
		}
		v, err := Open(vault)
		if errors.Is(err, artifact.ErrNotFound) {
			continue // killed before there was a vault
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Find(""); !errors.Is(err, artifact.ErrNotFound) {
			t.Fatalf("killed after %d steps, there is a backup: %v", steps, err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	id, m, _, err := backUp(t.Context(), vault, beside(t, dir))
	if err != nil || len(m.Damage) > 0 {
		t.Fatal(err, m.Damage)
	}
	if left, err := os.ReadDir(filepath.Join(vault, "tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	back, damage := restore(t, vault, id, t.TempDir())
	if len(damage) > 0 {
		t.Error(damage)
	}
	sameWorld(t, "the restored registry", world(t, s.Storage), world(t, back.Storage))
}

// killAfter reports false when the backup ended before it had taken that many.
func killAfter(t *testing.T, dir, vault string, steps int) bool {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "OARLOCK_TEST_BACK_UP="+dir, "OARLOCK_TEST_VAULT="+vault)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for one := make([]byte, 1); said < steps; said++ {
		if said > 0 {
			_, _ = in.Write(one) // it waits for this, or has ended
		}
		if _, err := out.Read(one); err != nil || one[0] != '.' {
			break
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	return said == steps
}
