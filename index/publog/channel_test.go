package publog_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

func moved(statement, to string) publog.Event {
	return publog.Event{Kind: publog.Channel, Plugin: "acme/hello", Channel: "stable", Statement: statement, Digest: digest.FromString(to), At: noon}
}

// movesOf are the moves of channels in a log, in order.
func movesOf(t *testing.T, s publog.Store) (out []string) {
	t.Helper()
	leaves, err := s.Leaves(t.Context(), publog.LeafQuery{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range leaves {
		e, err := publog.ReadEvent(one.Event)
		if err != nil {
			t.Fatal(err)
		}
		if e.Channel != "" {
			out = append(out, fmt.Sprintf("%d %s %s", e.Sequence, e.Statement, e.Digest.Encoded()[:8]))
		}
	}
	return out
}

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// Proves G6: each move of a channel is a leaf, also back to what it meant before; a
// move that changes nothing is none; and a restart goes on counting.
func TestEachMoveOfAChannelIsALeaf_G6(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "x.db"))
	r := &record{}
	l := logOf(t, options(s, r))
	a, b := digest.FromString("a").Encoded()[:8], digest.FromString("b").Encoded()[:8]
	l.Note(moved(publog.ChannelRemoved, "a"), moved(publog.ChannelSet, "a"), moved(publog.ChannelSet, "a"), moved(publog.ChannelSet, "b"), moved(publog.ChannelSet, "a"))
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{"1 channel.set " + a, "2 channel.set " + b, "3 channel.set " + a}
	same(t, "set, moved, moved back", movesOf(t, s), want)
	l = logOf(t, options(s, r))
	gone := moved(publog.ChannelRemoved, "a")
	gone.Digest = "" // its tag was damaged
	l.Note(moved(publog.ChannelSet, "a"), gone, moved(publog.ChannelSet, "a"))
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	want = append(want, "4 channel.removed "+a, "5 channel.set "+a)
	same(t, "after a restart", movesOf(t, s), want)
}

// A crash kept a move from the log: the walk at the next start finds where the
// channel is, and asks the registry, because the catalog may be older than a move
// that is written already.
func TestAMoveThatACrashKeptIsFound_G6(t *testing.T) {
	t.Parallel()
	s := opened(t, filepath.Join(t.TempDir(), "x.db"))
	o := options(s, &record{})
	l := logOf(t, o)
	l.Note(moved(publog.ChannelSet, "a"), moved(publog.ChannelSet, "b"))
	if err := l.Advance(t.Context()); err != nil {
		t.Fatal(err)
	}
	a, b, c := digest.FromString("a").Encoded()[:8], digest.FromString("b").Encoded()[:8], digest.FromString("c").Encoded()[:8]
	want := []string{"1 channel.set " + a, "2 channel.set " + b}
	for _, row := range []struct {
		what, catalog string
		now           digest.Digest
		more          []string
	}{
		{"the catalog is older", "a", digest.FromString("b"), nil},
		{"as it was", "b", digest.FromString("b"), nil},
		{"moved", "c", digest.FromString("c"), []string{"3 channel.set " + c}},
		{"moved, and the catalog is older", "b", digest.FromString("a"), []string{"4 channel.set " + a}},
		{"removed", "b", "", []string{"5 channel.removed " + a}},
	} {
		o.Events = func(_ context.Context, add func(...publog.Event) error) error {
			return add(moved(publog.ChannelSet, row.catalog))
		}
		o.Channel = func(context.Context, string, string) (digest.Digest, error) {
			if row.now == "" {
				return "", fmt.Errorf("no such tag: %w", artifact.ErrNotFound)
			}
			return row.now, nil
		}
		if err := logOf(t, o).Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		want = append(want, row.more...)
		same(t, row.what, movesOf(t, s), want)
	}
}

// Two replicas tell of moves of one channel at once: none is lost, and the numbers
// have no gap.
func TestReplicasNumberMovesOnce_G6(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	s := opened(t, path)
	r := &record{}
	replicas := []*publog.Log{logOf(t, options(s, r)), logOf(t, options(opened(t, path), r))}
	var all sync.WaitGroup
	for i, l := range replicas {
		all.Go(func() {
			for n := range 20 {
				e := moved(publog.ChannelSet, fmt.Sprint(i, n))
				e.At = noon.Add(time.Duration(n) * time.Second)
				l.Note(e)
				if err := l.Advance(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	got := movesOf(t, s)
	seen := map[string]bool{}
	for n, line := range got {
		var sequence int
		var statement, to string
		if _, err := fmt.Sscan(line, &sequence, &statement, &to); err != nil || sequence != n+1 {
			t.Fatalf("move %d is %q", n+1, line)
		}
		seen[to] = true
	}
	if len(got) != 40 || len(seen) != 40 {
		t.Errorf("%d moves of %d digests, want 40", len(got), len(seen))
	}
}
