package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

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

	n, err := s.AppendLeaves(ctx, []publog.Leaf{leafOf("a"), leafOf("b"), leafOf("a")})
	same(t, "added, each key once", n, 2, err)
	again := leafOf("b")
	again.Event = []byte("another text")
	n, err = s.AppendLeaves(ctx, []publog.Leaf{again, leafOf("c"), leafOf("a")})
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
	got, err = s.Leaves(ctx, publog.LeafQuery{Key: &key})
	same(t, "by key", got, []publog.Leaf{numbered(2, "c")}, err)
	key = leafOf("z").Key
	got, err = s.Leaves(ctx, publog.LeafQuery{Key: &key})
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
	_, err = s.AppendLeaves(ctx, []publog.Leaf{leafOf("d")})
	want(t, "add where signed leaves are gone", err, artifact.ErrConflict)
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
					n, err := replicas[i%2].AppendLeaves(context.Background(), []publog.Leaf{leafOf(fmt.Sprint(round)), leafOf(fmt.Sprint(i, round))})
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
