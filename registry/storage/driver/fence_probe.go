package driver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
)

// fenceWords follow what a storage did wrong.
const fenceWords = "without conditional writes (PUT with If-None-Match and If-Match) a version tag can change after it was acknowledged, so several servers cannot share this storage: use one that has them, or run one server"

// fenceRacers create one file at once when a storage is tried.
const fenceRacers = 4

// OpenFence tries whether the storage holds to conditions. Replicas are refused
// where it does not; a process that writes alone goes on without.
func (d *Driver) OpenFence(ctx context.Context, o Options) error {
	if o.ReadOnly {
		d.fence = nil
		return nil
	}
	if d.fence == nil {
		if o.Replicated {
			return fmt.Errorf("storage driver %q: %w: %s", o.Driver, errUnfenced, fenceWords)
		}
		return nil
	}
	err := d.prove(ctx)
	switch {
	case StorageErrorIn(err) != nil:
		o.Logger.ErrorContext(ctx, "registry: storage is full: conditional writes are tried when it takes something", "err", err)
		return nil
	case errors.Is(err, errUnfenced) && !o.Replicated:
		o.Logger.WarnContext(ctx, "registry: the storage has no conditional writes: no second server may ever use it, and one that was killed must not be replaced within a minute", "err", err)
		d.fence = nil
		return nil
	}
	return err
}

// prove tries the fence until it was seen to hold, which is then remembered.
func (d *Driver) prove(ctx context.Context) error {
	if d.proven.Load() {
		return nil
	}
	at := "/oarlock/probe-" + rand.Text()
	err := d.tryFence(ctx, at)
	if gone := d.Delete(ctx, at); gone != nil && !IsNotFound(gone) && err == nil {
		err = gone
	}
	if err == nil {
		d.proven.Store(true)
	}
	return err
}

// tryFence creates and replaces the file at path, and what must be refused is
// seen to be.
func (d *Driver) tryFence(ctx context.Context, at string) error {
	won, err := d.raceFence(ctx, at)
	if err != nil {
		return err
	}
	first, err := d.fence.read(ctx, at)
	if err != nil {
		return err
	}
	if first.Content != won {
		return broken("a file says %q after %q created it", first.Content, won)
	}
	if err := d.fence.replace(ctx, at, []byte("second"), first); err != nil {
		if errors.Is(err, ErrMoved) {
			return broken("a file that holds what was read is not replaced")
		}
		return err
	}
	for what, was := range map[string]Held{"created again": {}, "replaced on the word of what it held before": first} {
		if err := d.refused(ctx, at, was); err != nil {
			return fmt.Errorf("a file can be %s: %w", what, err)
		}
	}
	second, err := d.fence.read(ctx, at)
	if err != nil {
		return err
	}
	if second.Content != "second" {
		return broken("a write that was refused has changed the file to %q", second.Content)
	}
	if err := d.Delete(ctx, at); err != nil {
		return err
	}
	if err := d.refused(ctx, at, second); err != nil {
		return fmt.Errorf("a file that is gone can be replaced: %w", err)
	}
	return nil
}

// raceFence creates the file at path several times at once: one wins.
func (d *Driver) raceFence(ctx context.Context, at string) (won string, err error) {
	var mu sync.Mutex
	var done sync.WaitGroup
	var winners []string
	var failed error
	for i := range fenceRacers {
		done.Go(func() {
			content := fmt.Sprint("racer ", i)
			err := d.fence.replace(ctx, at, []byte(content), Held{})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners = append(winners, content)
			} else if !errors.Is(err, ErrMoved) {
				failed = err
			}
		})
	}
	done.Wait()
	if failed != nil {
		return "", failed
	}
	if len(winners) != 1 {
		return "", broken("%d of %d that create one file at once succeed, expected one", len(winners), fenceRacers)
	}
	return winners[0], nil
}

// refused is nil where a write on the word of was is refused.
func (d *Driver) refused(ctx context.Context, at string, was Held) error {
	switch err := d.fence.replace(ctx, at, []byte("stale"), was); {
	case errors.Is(err, ErrMoved):
		return nil
	case err != nil:
		return err
	}
	return broken("the condition was ignored")
}

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", errUnfenced, fmt.Sprintf(format, args...), fenceWords)
}
