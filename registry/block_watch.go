package registry

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

// openBlocks reads what is blocked in s. Where other processes may block too, the
// caller runs Watch.
func openBlocks(ctx context.Context, s *storage.Storage, o blockOptions) (*Blocks, error) {
	g := &Blocks{store: s, log: s.Log(), driver: s.Driver(), tell: o.Announce, withholds: o.Withholds}
	g.heard.look = make(chan struct{}, 1)
	set, err := g.readBlocks(ctx)
	if err != nil {
		return nil, fmt.Errorf("blocks: %w", err)
	}
	g.setBlocks(time.Now(), nil, set)
	g.seen.Store(time.Now().UnixNano())
	return g, nil
}

// changeBlocks changes the records, makes the change hold here, and tells the
// other replicas, all before it returns.
func (g *Blocks) changeBlocks(ctx context.Context, change func(context.Context) error) error {
	unlock, err := g.Locker().Lock(ctx, "blocks", false)
	if err != nil {
		return storage.LockError(err)
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	if err := change(ctx); err != nil {
		return err
	}
	told := g.driver.Swap(ctx, blockEpoch, func(driver.Held) ([]byte, error) { return []byte(rand.Text()), nil })
	began := time.Now()
	set, err := g.readBlocks(ctx)
	if err == nil {
		g.setBlocks(began, nil, set)
	}
	return errors.Join(told, err)
}

// Watch follows what other processes block, until ctx ends.
func (g *Blocks) Watch(ctx context.Context) {
	tick := time.NewTicker(blockPoll)
	defer tick.Stop()
	reread := time.Now().Add(blockReread)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-g.heard.look:
		}
		began := time.Now()
		all := began.After(reread) || g.heard.behind()
		inTime, cancel := context.WithTimeout(ctx, blockLook)
		err := g.lookAtBlocks(inTime, began, all)
		cancel()
		switch {
		case err == nil:
			g.seen.Store(began.UnixNano())
			if all {
				g.heard.caughtUp(began)
				reread = began.Add(blockReread)
			}
		case ctx.Err() == nil:
			g.log.ErrorContext(ctx, "registry: what is blocked could not be read, it is tried again", "err", err)
		}
	}
}

func (g *Blocks) lookAtBlocks(ctx context.Context, began time.Time, all bool) error {
	before := g.current.Load()
	epoch, err := g.blockEpoch(ctx)
	if err != nil || epoch == before.epoch && !all {
		return err
	}
	set, err := g.readBlocks(ctx)
	if err != nil {
		return err
	}
	// A change that was made here meanwhile is newer than what was read.
	if !g.setBlocks(began, before, set) && all {
		return errors.New("what is blocked changed while it was read")
	}
	return nil
}

// blocksKnown is an error when a replica does not know any more what is blocked.
func (g *Blocks) blocksKnown() error {
	if !g.Replicated() || time.Since(time.Unix(0, g.seen.Load())) < blockStale || time.Since(g.heard.whole()) < blockStale {
		return nil
	}
	return storage.CouldNotTell("whether this is blocked", errors.New("the storage did not say in time what is blocked"))
}
