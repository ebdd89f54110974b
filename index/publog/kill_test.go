package publog_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
)

func emptyRoot(t *testing.T) tlog.Hash {
	t.Helper()
	h, err := tlog.TreeHash(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// fileRecord is a record in a file.
func fileRecord(path string) func(context.Context, func([]byte) ([]byte, error)) error {
	return func(_ context.Context, change func([]byte) ([]byte, error)) error {
		have, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			return err
		}
		next, err := change(have)
		if err != nil {
			return err
		}
		return durable.Replace(path, next, 0o600)
	}
}

const killed = 400 // events of the test that kills

// TestMain lets the test binary be the process that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PUBLOG_TEST_DIR"); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

// every gives all events that there should be, as the catalog does at a start.
func every(_ context.Context, add func(...publog.Event) error) error {
	for n := range killed {
		if err := add(published(n)); err != nil {
			return err
		}
	}
	return nil
}

// writeUntilKilled notes events, and says the checkpoint whenever it is another.
func writeUntilKilled(dir string) {
	ctx := context.Background()
	s, err := store.Open(ctx, "sqlite://"+filepath.Join(dir, "x.db"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l, err := publog.Open(ctx, publog.Options{Store: s, Secret: []byte("secret of a site"), Host: "h", Record: fileRecord(filepath.Join(dir, "record")), Tail: fileRecord(filepath.Join(dir, "tail")), Events: every, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for n := 0; ; n = (n + 7) % killed {
		l.Note(published(n), published((n+1)%killed))
		if err := l.Advance(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_, c := l.Checkpoint()
		fmt.Println(c.N)
	}
}

// Proves G6: kill -9 at any moment loses no event, doubles none, and takes no
// checkpoint back.
func TestEventsSurviveKill_G6(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	seen := ""
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PUBLOG_TEST_DIR="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		said := 0
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if said++; said == 1+3*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		s, err := store.Open(t.Context(), "sqlite://"+filepath.Join(dir, "x.db"))
		if err != nil {
			t.Fatal(err)
		}
		l := logOf(t, publog.Options{Store: s, Secret: []byte("secret of a site"), Host: "h", Record: fileRecord(filepath.Join(dir, "record")), Tail: fileRecord(filepath.Join(dir, "tail")), Events: every, Log: slog.New(slog.DiscardHandler)})
		if err := l.Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		v, err := publog.Verify(t.Context(), fetch(l), l.Verifier(), seen)
		if err != nil || v.Checkpoint.N != killed {
			t.Errorf("round %d: %d leaves, want %d: %v", round, v.Checkpoint.N, killed, err)
		}
		seen = v.Signed
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
