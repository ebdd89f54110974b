package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

// leafOf is one of an event with a name.
func leafOf(name string) publog.Leaf {
	sum := sha256.Sum256([]byte(name))
	return publog.Leaf{Key: publog.LeafKey(sum[:16]), Event: []byte(name), Entry: sum}
}

func headOf(n int64, checkpoint string) publog.Head {
	return publog.Head{Origin: "plugins.example.org/log/1", Tree: tlog.Tree{N: n, Hash: tlog.Hash{byte(n), 1}}, Checkpoint: checkpoint}
}

func contractLog(t *testing.T, s *Store) {
	ctx := t.Context()
	_, err := s.LogHead(ctx)
	want(t, "the head of none", err, artifact.ErrNotFound)
	want(t, "swap one that is not there", s.SwapLogHead(ctx, headOf(1, ""), headOf(2, ""), nil), artifact.ErrConflict)
	empty := headOf(0, "")
	want(t, "begin", s.SwapLogHead(ctx, publog.Head{}, empty, nil), nil)
	want(t, "begin again", s.SwapLogHead(ctx, publog.Head{}, headOf(7, ""), nil), artifact.ErrConflict)
	_, err = s.LogTile(ctx, 0, 0)
	want(t, "a tile of none", err, artifact.ErrNotFound)

	n, err := s.AppendLeaves(ctx, []publog.Leaf{leafOf("a"), leafOf("b"), leafOf("a")}, nil)
	same(t, "added, each key once", n, 2, err)
	again := leafOf("b")
	again.Event = []byte("another text")
	n, err = s.AppendLeaves(ctx, []publog.Leaf{again, leafOf("c"), leafOf("a")}, nil)
	same(t, "added, what is there stays", n, 1, err)
	numbered := func(number int64, name string) publog.Leaf {
		l := leafOf(name)
		l.Number = number
		return l
	}
	got, err := s.Leaves(ctx, publog.LeafQuery{From: 1, Limit: 9})
	same(t, "from one on", got, []publog.Leaf{numbered(1, "b"), numbered(2, "c")}, err)
	got, err = s.Leaves(ctx, publog.LeafQuery{Limit: 1})
	same(t, "one", got, []publog.Leaf{numbered(0, "a")}, err)
	key := leafOf("c").Key
	got, err = s.Leaves(ctx, publog.LeafQuery{Keys: []publog.LeafKey{key, leafOf("nobody").Key}})
	same(t, "by key", got, []publog.Leaf{numbered(2, "c")}, err)
	key = leafOf("z").Key
	got, err = s.Leaves(ctx, publog.LeafQuery{Keys: []publog.LeafKey{key, leafOf("nobody").Key}})
	same(t, "by a key that is not there", got, []publog.Leaf{}, err)

	tiles := []publog.TileData{{Level: 0, Number: 0, Data: []byte("short")}, {Level: 1, Number: 7, Data: []byte{0, 255}}}
	want(t, "reserve", s.SwapLogHead(ctx, empty, headOf(2, ""), tiles), nil)
	want(t, "a tile grows", s.SwapLogHead(ctx, headOf(2, ""), headOf(3, "signed"), []publog.TileData{{Data: []byte("shorter")}}), nil)
	lost := []publog.TileData{{Data: []byte("lost")}}
	want(t, "of another tree", s.SwapLogHead(ctx, headOf(2, ""), headOf(3, ""), lost), artifact.ErrConflict)
	want(t, "of another checkpoint", s.SwapLogHead(ctx, headOf(3, ""), headOf(3, "x"), lost), artifact.ErrConflict)
	head, err := s.LogHead(ctx)
	same(t, "the head", head, headOf(3, "signed"), err)
	data, err := s.LogTile(ctx, 0, 0)
	same(t, "a tile after swaps that failed", string(data), "shorter", err)

	want(t, "forsaken", s.InTx(ctx, s.Forsake), nil)
	head, err = s.LogHead(ctx)
	same(t, "the head outlives what the database belonged to", head, headOf(3, "signed"), err)
	if _, err := s.write.ExecContext(ctx, "DELETE FROM log_leaves WHERE number = 2"); err != nil {
		t.Fatal(err)
	}
	_, err = s.AppendLeaves(ctx, []publog.Leaf{leafOf("d")}, nil)
	want(t, "add where signed leaves are gone", err, artifact.ErrConflict)
}

// contractCosigned: what was cosigned is kept, of one log the longest.
func contractCosigned(t *testing.T, s *Store) {
	ctx := t.Context()
	_, err := s.CosignedCheckpoint(ctx)
	want(t, "nothing is cosigned", err, artifact.ErrNotFound)
	one := publog.CosignedCheckpoint{Origin: "example.org/log", Size: 5, Signed: "a", Lines: "b"}
	for _, next := range []publog.CosignedCheckpoint{one, {Origin: one.Origin, Size: 4, Signed: "shorter"}} {
		want(t, "keep", s.KeepCosigned(ctx, next, publog.CosignedCheckpoint{}), nil)
		got, err := s.CosignedCheckpoint(ctx)
		same(t, "what is cosigned", got, one, err)
	}
	edited := publog.CosignedCheckpoint{Origin: one.Origin, Size: 1 << 40, Signed: "edited"}
	for _, next := range []publog.CosignedCheckpoint{{Origin: one.Origin, Size: 5, Signed: "a", Lines: "bc"}, edited,
		{Origin: one.Origin, Size: 6, Signed: "instead of the edited one"}, {Origin: "example.org/another", Size: 1, Signed: "d"}} {
		want(t, "keep", s.KeepCosigned(ctx, next, edited), nil)
		got, err := s.CosignedCheckpoint(ctx)
		same(t, "what is cosigned", got, next, err)
	}
}

// Proves G6: replicas number leaves without gaps and each event once, and of two
// that reserve a head one does.
func TestReplicasNumberLeavesOnce_G6(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			replicas := []*Store{open(t, url), open(t, url)}
			ctx := t.Context()
			want(t, "begin", replicas[0].SwapLogHead(ctx, publog.Head{}, headOf(0, ""), nil), nil)
			var added, won atomic.Int64
			each(8, func(i int) {
				for round := range 10 {
					n, err := replicas[i%2].AppendLeaves(context.Background(), []publog.Leaf{leafOf(fmt.Sprint(round)), leafOf(fmt.Sprint(i, round))}, nil)
					want(t, "append", err, nil)
					added.Add(int64(n))
				}
				switch err := replicas[i%2].SwapLogHead(context.Background(), headOf(0, ""), headOf(int64(i+1), ""), nil); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, artifact.ErrConflict):
					t.Error(err)
				}
			})
			all, err := replicas[0].Leaves(ctx, publog.LeafQuery{Limit: 1000})
			if len(all) != 90 || added.Load() != 90 || won.Load() != 1 || err != nil {
				t.Errorf("%d leaves, %d added, expected 90; %d reserved, expected 1: %v", len(all), added.Load(), won.Load(), err)
			}
			for i, l := range all {
				if l.Number != int64(i) {
					t.Fatalf("leaf %d has number %d", i, l.Number)
				}
			}
		})
	}
}

// An edited database is caught: each row says how, and what the edit does to who
// reads the log, who may read its rows, and who writes it.
var edits = map[string]struct {
	sql string
	// readers and rows say who notices: who reads /log/, and who may read the rows
	// too. Whoever writes the log on notices what is stopped.
	readers, rows, stopped bool
}{
	"an event is another":           {"UPDATE log_leaves SET event = replace_bytes WHERE number = 3", true, true, true},
	"an entry is another":           {"UPDATE log_leaves SET entry = key || key WHERE number = 3", true, true, true},
	"a row is gone":                 {"DELETE FROM log_leaves WHERE number = 3", true, true, true},
	"the last rows are gone":        {"DELETE FROM log_leaves WHERE number >= 250", true, true, true},
	"two rows changed their places": {"UPDATE log_leaves SET number = CASE number WHEN 3 THEN -4 WHEN 4 THEN -3 END WHERE number IN (3, 4)", true, true, true},
	"a tile is another":             {"UPDATE log_tiles SET data = (SELECT entry FROM log_leaves WHERE number = 1) || substr(data, 33) WHERE level = 0 AND number = 0", true, false, true},
	"a tile is gone":                {"DELETE FROM log_tiles WHERE level = 1", true, false, true},
	"the tree is another":           {"UPDATE log_head SET root = (SELECT entry FROM log_leaves WHERE number = 1)", false, false, true},
	"the tree is smaller":           {"UPDATE log_head SET size = 100", false, false, true},
	"the checkpoint is another":     {"UPDATE log_head SET checkpoint = replace(checkpoint, '300', '200')", false, false, true},
}

// Proves G6.
func TestAnEditedLogIsCaught_G6(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		for name, row := range edits {
			t.Run(database+"/"+name, func(t *testing.T) {
				t.Parallel()
				ctx := t.Context()
				s := open(t, fresh(t))
				var record []byte
				l, err := publog.Open(ctx, publog.Options{Store: s, Secret: []byte("secret"), Host: "h", Log: slog.New(slog.DiscardHandler), Tail: noTail,
					Record: func(_ context.Context, change func([]byte) ([]byte, error)) error {
						next, err := change(record)
						if err == nil {
							record = next
						}
						return err
					}})
				if err != nil {
					t.Fatal(err)
				}
				note := func(from, to int) {
					for n := from; n < to; n++ {
						l.Note(publog.Event{Kind: publog.Published, Plugin: "acme/hello", Version: "1.0.0", Digest: digest.FromString(fmt.Sprint(n)), At: noon})
					}
				}
				note(0, 300)
				want(t, "write", l.Advance(ctx), nil)
				if err := caught(t, l, ""); err != nil {
					t.Fatalf("before the edit: %v", err)
				}
				seen, _ := l.Checkpoint()
				for _, statement := range edited(s, row.sql) {
					if _, err := s.write.DB.ExecContext(ctx, statement); err != nil {
						t.Fatal(err)
					}
				}
				if err := readLog(t, l, seen); (err != nil) != row.readers {
					t.Errorf("readers: %v, want that they notice: %v", err, row.readers)
				}
				if err := caught(t, l, seen); (err != nil) != (row.readers || row.rows) {
					t.Errorf("who may read the rows: %v", err)
				}
				note(300, 301)
				err = l.Advance(ctx)
				if stopped := errors.Is(err, publog.ErrBroken) || errors.Is(err, publog.ErrBehind); stopped != row.stopped || (l.Stuck() != nil) != stopped {
					t.Errorf("who writes on: %v, want that it stops: %v", err, row.stopped)
				}
			})
		}
	}
}

// edited are the statements of an edit, in the words of the database.
func edited(s *Store, text string) []string {
	other := `X'7B226B696E64223A227075626C6973686564227D'`
	if s.postgres() {
		other = `decode('7B226B696E64223A227075626C6973686564227D', 'hex')`
	}
	out := []string{strings.ReplaceAll(text, "replace_bytes", other)}
	if strings.Contains(text, "CASE number") {
		out = append(out, "UPDATE log_leaves SET number = -number WHERE number < 0")
	}
	return out
}

// readLog reads the log as everybody can.
func readLog(t *testing.T, l *publog.Log, seen string) error {
	t.Helper()
	_, err := verified(t, l, seen)
	return err
}

func verified(t *testing.T, l *publog.Log, seen string) (publog.Verification, error) {
	t.Helper()
	h := l.Handler(func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	})
	return publog.Verify(t.Context(), func(ctx context.Context, path string) ([]byte, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/log/"+path, nil))
		if w.Code != http.StatusOK {
			return nil, fmt.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.Bytes(), nil
	}, l.Verifier(), seen)
}

// caught reads the log and its rows.
func caught(t *testing.T, l *publog.Log, seen string) error {
	t.Helper()
	v, err := verified(t, l, seen)
	if err != nil {
		return err
	}
	page, err := l.Page(t.Context(), "", 0, 1000)
	if err != nil {
		return err
	}
	for i, one := range page.Items {
		if one.Number != int64(i) {
			return fmt.Errorf("row %d is missing", i)
		}
		if _, err := v.CheckRow(publog.Row{Number: one.Number, Salt: one.Salt, Event: one.Event}); err != nil {
			return err
		}
	}
	return nil
}

// Proves G6: two writers over one database, each with connections of its own,
// sign one history: never two trees of one size, and no leaf is lost.
func TestTwoWritersSignOneHistory_G6(t *testing.T) {
	t.Parallel()
	for database, fresh := range databases(t) {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			url := fresh(t)
			var mu sync.Mutex
			var record []byte
			trees := map[string]string{}
			var writers []*publog.Log
			for range 2 {
				l, err := publog.Open(t.Context(), publog.Options{Store: open(t, url), Secret: []byte("secret"), Host: "h", Log: slog.New(slog.DiscardHandler), Tail: noTail,
					Record: func(_ context.Context, change func([]byte) ([]byte, error)) error {
						mu.Lock()
						defer mu.Unlock()
						next, err := change(record)
						if err == nil {
							record = next
							size := strings.Split(string(next), "\n")[1]
							if was, ok := trees[size]; ok && was != string(next) {
								t.Errorf("two checkpoints of %s leaves", size)
							}
							trees[size] = string(next)
						}
						return err
					}})
				if err != nil {
					t.Fatal(err)
				}
				writers = append(writers, l)
			}
			const rounds = 40
			each(len(writers), func(i int) {
				for n := range rounds {
					for _, name := range []string{fmt.Sprint("both ", n), fmt.Sprint(i, " alone ", n)} {
						writers[i].Note(publog.Event{Kind: publog.Published, Plugin: "acme/hello", Digest: digest.FromString(name), At: noon})
					}
					want(t, "advance", writers[i].Advance(context.Background()), nil)
				}
			})
			for _, l := range writers {
				want(t, "advance", l.Advance(t.Context()), nil)
				if v, err := verified(t, l, ""); err != nil || v.Checkpoint.N != 3*rounds {
					t.Errorf("%d leaves, want %d: %v", v.Checkpoint.N, 3*rounds, err)
				}
			}
		})
	}
}

// noTail keeps nothing.
func noTail(_ context.Context, change func([]byte) ([]byte, error)) error {
	_, err := change(nil)
	return err
}
