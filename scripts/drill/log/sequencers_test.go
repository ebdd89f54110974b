//go:build e2e

package log

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/scripts/drill"
)

const (
	rate      = 200 // leaves a second, of both processes together
	seconds   = 60
	processes = 2
)

// tenthOfASecond is how many leaves a process writes in that time.
const tenthOfASecond = rate / processes / 10

// of is the nth event of a process.
func of(process, n int) publog.Event {
	return publog.Event{Kind: publog.Published, Plugin: fmt.Sprintf("acme/of-%d", process), Version: fmt.Sprintf("1.%d.0", n),
		Digest: digest.FromString(fmt.Sprint(process, n)), At: time.Date(2026, 1, 2, 3, 4, 5, n*1000, time.UTC)}
}

// shared is a record that processes share, as they do one beside the registry's bytes.
// Whatever it was is kept beside it, a line each.
func shared(path string, history bool) func(context.Context, func([]byte) ([]byte, error)) error {
	return func(ctx context.Context, change func([]byte) ([]byte, error)) error {
		unlock, err := durable.Lock(path + ".lock")
		for errors.Is(err, durable.ErrLocked) && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
			unlock, err = durable.Lock(path + ".lock")
		}
		if err != nil {
			return err
		}
		defer func() { _ = unlock() }()
		have, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		next, err := change(have)
		if err != nil {
			return err
		}
		if history && !bytes.Equal(have, next) {
			f, err := os.OpenFile(path+".history", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			_, err = f.WriteString(strings.ReplaceAll(string(next), "\n", "|") + "\n")
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
		return durable.Replace(path, next, 0o600)
	}
}

func openShared(ctx context.Context, url, dir string) (*publog.Log, *store.Store, error) {
	db, err := store.Open(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	l, err := publog.Open(ctx, publog.Options{Store: db, Secret: []byte("secret of the drill"), Host: "plugins.example.org",
		Record: shared(filepath.Join(dir, "record"), true), Tail: shared(filepath.Join(dir, "tail"), false), Log: slog.New(slog.DiscardHandler)})
	return l, db, err
}

// sequence is one of the processes: it writes its share of the leaves, tenth of a
// second by tenth, from the moment on that it is told, and those that are due at once.
func sequence(url string) {
	dir := os.Getenv("DRILL_DIR")
	process, _ := strconv.Atoi(os.Getenv("DRILL_PROCESS"))
	all, _ := strconv.Atoi(os.Getenv("DRILL_LEAVES"))
	since, _ := strconv.ParseInt(os.Getenv("DRILL_SINCE"), 10, 64)
	ctx := context.Background()
	l, _, err := openShared(ctx, url, dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	for done := 0; done < all; {
		due := min(all, int(time.Since(time.UnixMilli(since))/(100*time.Millisecond))*tenthOfASecond)
		for ; done < due; done++ {
			l.Note(of(process, done))
		}
		if err := l.Advance(ctx); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		<-tick.C
	}
	os.Exit(0)
}

// TestTwoProcessesWriteOneLog_G6 has two processes write 200 leaves a second into one
// PostgreSQL, kills one of them in the middle and starts it again: no leaf is lost or
// there twice, and no two checkpoints are of one size.
func TestTwoProcessesWriteOneLog_G6(t *testing.T) {
	url := os.Getenv("OARLOCK_TEST_POSTGRES")
	if url == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set: make drill-log runs one")
	}
	dir := t.TempDir()
	l, db, err := openShared(t.Context(), url, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	whole := drill.N(seconds)
	each := whole * rate / processes
	began := time.Now()
	start := func(process int) *exec.Cmd {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "DRILL_SEQUENCER="+url, "DRILL_DIR="+dir, fmt.Sprint("DRILL_PROCESS=", process),
			fmt.Sprint("DRILL_LEAVES=", each), fmt.Sprint("DRILL_SINCE=", began.UnixMilli()))
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	first, second := start(0), start(1)
	drill.Until(t, "half of the leaves are signed", func(ctx context.Context) error {
		head, err := db.LogHead(ctx)
		if err == nil && head.N < int64(each) {
			err = fmt.Errorf("%d leaves of %d", head.N, each)
		}
		return err
	})
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // tells that it was killed
	first = start(0)
	for _, cmd := range []*exec.Cmd{first, second} {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process: %v", err)
		}
	}
	drill.Within(t, fmt.Sprintf("%d leaves at %d a second", processes*each, rate), time.Since(began), time.Duration(whole)*time.Second+2*time.Second)
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Intact(t.Context()); err != nil {
		t.Error(err)
	}
	everyLeafOnce(t, db, l, each)
	oneTreeOfASize(t, filepath.Join(dir, "record.history"))
}

// everyLeafOnce wants each event of each process to be one leaf.
func everyLeafOnce(t *testing.T, db *store.Store, l *publog.Log, each int) {
	t.Helper()
	if _, c := l.Checkpoint(); c.N != int64(processes*each) {
		t.Errorf("%d leaves are signed, expected %d", c.N, processes*each)
	}
	seen := map[publog.LeafKey]bool{}
	for from := int64(0); ; {
		page, err := db.Leaves(t.Context(), publog.LeafQuery{From: from, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, one := range page {
			if seen[one.Key] || one.Number != from {
				t.Fatalf("leaf %d stands where leaf %d should, or twice", one.Number, from)
			}
			seen[one.Key] = true
			from++
		}
	}
	for process := range processes {
		for n := range each {
			if e := of(process, n); !seen[e.Key()] {
				t.Fatalf("%s@%s has no leaf", e.Plugin, e.Version)
			}
		}
	}
}

// oneTreeOfASize wants the checkpoints that were ever signed to grow, each of another size.
func oneTreeOfASize(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	last, signed := -1, map[int]string{}
	for line := range strings.Lines(string(raw)) {
		parts := strings.Split(line, "|")
		size, err := strconv.Atoi(parts[1])
		if err != nil {
			t.Fatal(err)
		}
		if was, is := signed[size]; is && was != parts[2] || size < last {
			t.Fatalf("a checkpoint of %d leaves after one of %d: %s and %s", size, last, was, parts[2])
		}
		signed[size], last = parts[2], size
	}
	t.Logf("%d checkpoints", len(signed))
}
