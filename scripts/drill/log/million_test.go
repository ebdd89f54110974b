//go:build e2e

// Package log is the drill of the publication log: as many leaves as a large site
// gathers in years, proofs beside pushes, and two processes that write one log.
package log

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	leaves       = 1_000_000
	mostTiles    = 70e6  // bytes of hashes, of a million leaves
	mostDatabase = 300e6 // bytes of the file, of a million leaves
	mostWriting  = 15 * time.Minute
	proofs       = 200
)

func TestMain(m *testing.M) {
	if url := os.Getenv("DRILL_SEQUENCER"); url != "" {
		sequence(url)
	}
	drill.Main(m)
}

// eventOf is the nth version that is published.
func eventOf(n int) publog.Event {
	return publog.Event{Kind: publog.Published, Plugin: fmt.Sprintf("publisher-%d/plugin-%d", n%997, n%9973), Version: fmt.Sprintf("1.%d.0", n),
		Digest: digest.FromString(fmt.Sprint(n)), At: time.Date(2026, 1, 2, 3, 4, 5, n*1000, time.UTC)}
}

// kept keeps a record in memory.
func kept() func(context.Context, func([]byte) ([]byte, error)) error {
	var record []byte
	return func(_ context.Context, change func([]byte) ([]byte, error)) error {
		next, err := change(record)
		if err == nil {
			record = next
		}
		return err
	}
}

// TestAMillionLeaves_G6 writes that many, and wants the hashes and the database small,
// and the proofs of leaves of all ages right.
func TestAMillionLeaves_G6(t *testing.T) {
	path := filepath.Join(t.TempDir(), "oarlock.db")
	db, err := store.Open(t.Context(), "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l, err := publog.Open(t.Context(), publog.Options{Store: db, Secret: []byte("secret of the drill"), Host: "plugins.example.org",
		Record: kept(), Tail: kept(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	n, began := drill.N(leaves), time.Now()
	const atOnce = 4096
	for from := 0; from < n; from += atOnce {
		events := make([]publog.Event, 0, atOnce)
		for i := from; i < min(from+atOnce, n); i++ {
			events = append(events, eventOf(i))
		}
		l.Note(events...)
		if err := l.Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	drill.Within(t, fmt.Sprintf("%d leaves written and signed", n), time.Since(began), mostWriting)
	if _, c := l.Checkpoint(); c.N != int64(n) {
		t.Fatalf("%d leaves are signed, expected %d", c.N, n)
	}
	share := float64(n) / leaves
	small(t, "hash tiles", tileBytes(t, db, int64(n)), mostTiles*share)
	if err := db.Close(); err != nil { // the write-ahead log goes into the file
		t.Fatal(err)
	}
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	small(t, "database", file.Size(), mostDatabase*share)
	if db, err = store.Open(t.Context(), "sqlite://"+path); err != nil {
		t.Fatal(err)
	}
	prove(t, reopened(t, db, l), n)
}

// reopened is the log over the same database, as after a restart.
func reopened(t *testing.T, db *store.Store, before *publog.Log) *publog.Log {
	t.Helper()
	signed, _ := before.Checkpoint()
	record := kept()
	if err := record(t.Context(), func([]byte) ([]byte, error) { return []byte(signed), nil }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l, err := publog.Open(t.Context(), publog.Options{Store: db, Secret: []byte("secret of the drill"), Host: "plugins.example.org",
		Record: record, Tail: kept(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// prove wants proofs of leaves from the first to the last, and the whole log intact.
func prove(t *testing.T, l *publog.Log, n int) {
	t.Helper()
	began := time.Now()
	for i := range proofs {
		at := i * (n - 1) / (proofs - 1)
		e := eventOf(at)
		p, err := l.Prove(t.Context(), e.Key())
		if err != nil {
			t.Fatalf("leaf %d: %v", at, err)
		}
		got, c, err := p.Verify(l.Verifier())
		if err != nil || got != e || p.Index != int64(at) || c.N != int64(n) {
			t.Fatalf("leaf %d: proved %+v as leaf %d of %d: %v", at, got, p.Index, c.N, err)
		}
	}
	t.Logf("a proof took %v", (time.Since(began) / proofs).Round(time.Microsecond))
	began = time.Now()
	if err := l.Intact(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("every leaf was held to the tree in %v", time.Since(began).Round(time.Millisecond))
}

// tileBytes are those of all hash tiles of a tree.
func tileBytes(t *testing.T, db *store.Store, n int64) (sum int64) {
	t.Helper()
	seen := map[[2]int64]bool{}
	for _, tile := range tlog.NewTiles(8, 0, n) {
		at := [2]int64{int64(tile.L), tile.N}
		if seen[at] {
			continue
		}
		seen[at] = true
		data, err := db.LogTile(t.Context(), tile.L, tile.N)
		if err != nil {
			t.Fatal(err)
		}
		sum += int64(len(data))
	}
	return sum
}

func small(t *testing.T, what string, bytes int64, most float64) {
	t.Helper()
	t.Logf("%s: %.1f MB, at most %.1f MB", what, float64(bytes)/1e6, most/1e6)
	if float64(bytes) > most {
		t.Errorf("%s: %d bytes, expected at most %.0f", what, bytes, most)
	}
}
