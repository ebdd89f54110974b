package block

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// blockPoll is how often a replica looks whether others blocked something.
const blockPoll = 300 * time.Millisecond

// blockReread is how often all blocks are read again, for a change whose
// epoch was not written because its process died.
const blockReread = time.Minute

// blockLook bounds one look at a storage that is slow.
const blockLook = 30 * time.Second

// Open reads what is blocked in s, and follows what other processes block where
// they may. The caller closes the Blocks before s.
func Open(ctx context.Context, s *storage.Storage, o Options) (*Blocks, error) {
	g := &Blocks{store: s, log: s.Log(), driver: s.Driver(), tell: o.Announce, withholds: o.Withholds, refused: o.Refused}
	g.heard.look = make(chan struct{}, 1)
	set, err := g.readBlocks(ctx)
	if err != nil {
		return nil, fmt.Errorf("registry: blocks: %w", err)
	}
	g.setBlocks(time.Now(), nil, set)
	g.asOf.Store(time.Now().UnixNano())
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	g.stop = stop
	if s.Replicated() {
		g.watching.Go(func() { g.watch(life) })
	}
	return g, nil
}

// Close stops what follows other processes, and waits for it. In a replica
// nothing can be told soon after that.
func (bs *Blocks) Close() {
	bs.stop()
	bs.watching.Wait()
}

// changeBlocks changes the records, makes the change hold here, and tells the
// other replicas, all before it returns.
func (bs *Blocks) changeBlocks(ctx context.Context, change func(context.Context) error) error {
	unlock, err := bs.store.Locker().Lock(ctx, "blocks", false)
	if err != nil {
		return storage.LockError(err)
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	if err := change(ctx); err != nil {
		return err
	}
	told := bs.driver.Swap(ctx, blockEpoch, func(driver.Held) ([]byte, error) { return []byte(rand.Text()), nil })
	began := time.Now()
	set, err := bs.readBlocks(ctx)
	if err == nil {
		bs.setBlocks(began, nil, set)
	}
	return errors.Join(told, err)
}

// watch follows what other processes block, until ctx ends.
func (bs *Blocks) watch(ctx context.Context) {
	tick := time.NewTicker(blockPoll)
	defer tick.Stop()
	reread := time.Now().Add(blockReread)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-bs.heard.look:
		}
		began := time.Now()
		all := began.After(reread) || bs.heard.behind()
		inTime, cancel := context.WithTimeout(ctx, blockLook)
		err := bs.lookAtBlocks(inTime, began, all)
		cancel()
		switch {
		case err == nil:
			bs.asOf.Store(began.UnixNano())
			if all {
				bs.heard.caughtUp(began)
				reread = began.Add(blockReread)
			}
		case ctx.Err() == nil:
			bs.log.ErrorContext(ctx, "registry: what is blocked could not be read, it is tried again", "err", err)
		}
	}
}

func (bs *Blocks) lookAtBlocks(ctx context.Context, began time.Time, all bool) error {
	before := bs.current.Load()
	epoch, err := bs.blockEpoch(ctx)
	if err != nil || epoch == before.epoch && !all {
		return err
	}
	set, err := bs.readBlocks(ctx)
	if err != nil {
		return err
	}
	// A change that was made here meanwhile is newer than what was read.
	if !bs.setBlocks(began, before, set) && all {
		return errors.New("what is blocked changed while it was read")
	}
	return nil
}

// blocksKnown is an error when a replica does not know any more what is blocked.
func (bs *Blocks) blocksKnown() error {
	if !bs.store.Replicated() || time.Since(time.Unix(0, bs.asOf.Load())) < blockStale || time.Since(bs.heard.whole()) < blockStale {
		return nil
	}
	return storage.CouldNotTell("whether this is blocked", errors.New("the storage did not say in time what is blocked"))
}
