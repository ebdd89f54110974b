package publog_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

// Proves D8: when a version was published is what leaves say that a checkpoint
// signs, held to the tree: a row whose time was changed is no answer, but an error.
func TestTimesAreThoseOfTheTree_D8(t *testing.T) {
	t.Parallel()
	db, rec := opened(t, filepath.Join(t.TempDir(), "x.db")), &record{}
	l := logOf(t, options(db, rec))
	write(t, l, 0, 300)
	times := publog.NewTimes(l)
	id, err := artifact.ParseName("acme/hello")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := times.Published(id, published(3).Digest); ok {
		t.Error("it is known before it was read")
	}
	if err := times.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 3, 299} {
		if at, ok := times.Published(id, published(n).Digest); !ok || !at.Equal(published(n).At) {
			t.Errorf("leaf %d: %v %v", n, at, ok)
		}
	}
	write(t, l, 300, 310)
	if err := times.Read(t.Context()); err != nil || times.Size() != 310 {
		t.Errorf("read on: %d, %v", times.Size(), err)
	}
	if err := publog.NewTimes(logOf(t, options(earlier{db}, rec))).Read(t.Context()); !errors.Is(err, publog.ErrBroken) {
		t.Errorf("with a row whose time was changed: %v", err)
	}
}

// earlier says of one row that it was published a day before, all of it consistent.
type earlier struct{ publog.Store }

func (e earlier) Leaves(ctx context.Context, q publog.LeafQuery) ([]publog.Leaf, error) {
	leaves, err := e.Store.Leaves(ctx, q)
	for i := range leaves {
		if leaves[i].Number == 7 {
			leaves[i].Event = bytes.Replace(leaves[i].Event, []byte(`"at":"20`), []byte(`"at":"19`), 1)
		}
	}
	return leaves, err
}
