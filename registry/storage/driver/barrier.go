package driver

import (
	"context"
	"fmt"
	"sync"
)

// A barrier makes durable what was written without syncing, once for all who
// wait for that at the same time.
//
//	write … write   nothing of it survives a power cut for sure
//	wait            all that was written before wait was called does
//
// A barrier that failed once fails for good: the kernel may have given up
// pages that no later sync would tell of.
type barrier struct {
	sync func() error

	mu     sync.Mutex
	next   *round // those who wait for a sync that has not begun
	busy   bool   // one is running
	broken error
}

type round struct {
	done chan struct{}
	err  error
}

// wait returns when a sync that began after the call has ended. A nil barrier
// has nothing to wait for.
func (b *barrier) wait() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	if b.next == nil {
		b.next = &round{done: make(chan struct{})}
	}
	r := b.next
	if !b.busy {
		b.busy = true
		go b.run()
	}
	b.mu.Unlock()
	<-r.done
	return r.err
}

// run syncs until nobody waits.
func (b *barrier) run() {
	for {
		b.mu.Lock()
		r := b.next
		b.next = nil
		b.busy = r != nil
		broken := b.broken
		b.mu.Unlock()
		if r == nil {
			return
		}
		if r.err = broken; broken == nil {
			r.err = b.once()
		}
		close(r.done)
	}
}

func (b *barrier) once() error {
	err := b.sync()
	if err == nil {
		return nil
	}
	err = fmt.Errorf("storage cannot be synced, nothing more is accepted until a restart: %w", err)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
	return err
}

type laterKey struct{}

// Later marks ctx as that of a request which calls Settle before it is
// answered: what is written under it need not be synced one by one.
func Later(ctx context.Context) context.Context { return context.WithValue(ctx, laterKey{}, true) }

// atOnce takes that back: what is written under it is durable when it is written.
func atOnce(ctx context.Context) context.Context { return context.WithValue(ctx, laterKey{}, nil) }

func (d *Driver) isLater(ctx context.Context) bool {
	return d.barrier != nil && ctx.Value(laterKey{}) == true
}

// Settle makes all durable that was written under Later, by whomever.
func (d *Driver) Settle(ctx context.Context) error { return note(ctx, d.barrier.wait()) }

// HasBarrier reports whether what is written under Later waits for Settle.
func (d *Driver) HasBarrier() bool { return d.barrier != nil }

// SyncBy makes the barrier, if there is one, sync by calling sync instead: to
// prove what a power cut leaves.
func (d *Driver) SyncBy(sync func() error) {
	if d.barrier != nil {
		d.barrier.sync = sync
	}
}
