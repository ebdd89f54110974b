package publog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/oarlock/oarlock/artifact"
)

// Times are when versions were published, by the leaves that a checkpoint signs:
// each is held to the tree before it counts. They are read when they are first
// asked for, and go on from there. They are safe for concurrent use.
type Times struct {
	log *Log

	reading chan struct{} // one reads at a time; whoever waits can give up

	mu   sync.RWMutex
	at   map[LeafKey]int64 // microseconds
	size int64             // leaves read
}

// NewTimes reads nothing yet.
func NewTimes(l *Log) *Times {
	return &Times{log: l, reading: make(chan struct{}, 1), at: map[LeafKey]int64{}}
}

// Read reads what was signed since the last time. Errors wrap ErrBehind or
// ErrBroken where the log does not hold; any other says that it could not be told.
// What was read before an error stays, so that the next call goes on from there.
func (t *Times) Read(ctx context.Context) error {
	if err := t.log.Stuck(); err != nil {
		return err
	}
	if _, c := t.log.Checkpoint(); t.Size() >= c.N {
		return nil
	}
	select {
	case t.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.reading }()
	_, c := t.log.Checkpoint()
	for t.Size() < c.N {
		if err := t.log.noticed(t.more(ctx, c)); err != nil {
			return err
		}
	}
	return nil
}

// more reads some leaves of the tree of a checkpoint.
func (t *Times) more(ctx context.Context, c Checkpoint) error {
	from := t.Size()
	leaves, err := t.log.signed(ctx, c, from)
	if err != nil {
		return err
	}
	found := make(map[LeafKey]int64, len(leaves))
	for _, one := range leaves {
		e, err := ReadEvent(one.Event)
		if err != nil {
			return fmt.Errorf("%w: leaf %d: %w", ErrBroken, one.Number, err)
		}
		if e.Kind == Published {
			found[one.Key] = e.At.UnixMicro()
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.Copy(t.at, found) // of a key there is one leaf
	t.size = from + int64(len(leaves))
	return nil
}

// signed are leaves of the database from a number on, each held to the tree that a
// checkpoint signs. Errors wrap ErrBroken where they are not what it signs.
func (l *Log) signed(ctx context.Context, c Checkpoint, from int64) ([]Leaf, error) {
	leaves, err := l.written(ctx, from, int(min(atOnce, c.N-from)))
	if err != nil {
		return nil, err
	}
	indexes := make([]int64, len(leaves))
	for i := range leaves {
		indexes[i] = tlog.StoredHashIndex(0, from+int64(i))
	}
	hashes, err := tlog.TileHashReader(c.Tree, storedTiles{ctx, l.o.Store}).ReadHashes(indexes)
	if err != nil {
		return nil, brokenTiles(err)
	}
	for i, one := range leaves {
		if tlog.RecordHash(one.Entry[:]) != hashes[i] {
			return nil, fmt.Errorf("%w: leaf %d in the database is not what the checkpoint signs", ErrBroken, one.Number)
		}
	}
	return leaves, nil
}

// Intact reads every leaf of the database and holds it to the checkpoint that is
// shown. Errors wrap ErrBehind or ErrBroken where they are not what it signs, and
// then nothing is published any more; any other says that it could not be told.
func (l *Log) Intact(ctx context.Context) error {
	if err := l.Stuck(); err != nil {
		return err
	}
	_, c := l.Checkpoint()
	var next atomic.Int64 // the first leaf that nobody reads
	errs := make([]error, intactAtOnce)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			for from := next.Add(atOnce) - atOnce; from < c.N && errs[i] == nil; from = next.Add(atOnce) - atOnce {
				if _, errs[i] = l.signed(ctx, c, from); errs[i] != nil {
					next.Store(c.N)
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if errors.Is(err, ErrBroken) {
			return l.noticed(err)
		}
	}
	return errors.Join(errs...)
}

// intactAtOnce is how many read a log at the same time to find out whether it is intact.
const intactAtOnce = 4

// Published is when a version was listed for the first time; false is that no
// leaf that was read says it.
func (t *Times) Published(id artifact.Name, d digest.Digest) (time.Time, bool) {
	key := PublishedKey(id.String(), d)
	t.mu.RLock()
	defer t.mu.RUnlock()
	at, ok := t.at[key]
	return time.UnixMicro(at).UTC(), ok
}

// Size is how many leaves were read.
func (t *Times) Size() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.size
}
