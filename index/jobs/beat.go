package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// beats is how often a lease is renewed while it lasts.
const beats = 4

// everyBeat ticks as often as a lease is renewed, by the clock of the machine.
func everyBeat(beat time.Duration) (<-chan time.Time, func()) {
	tick := time.NewTicker(beat / beats)
	return tick.C, tick.Stop
}

// leased is for how long a job is leased at a time.
func (k *Kind) leased() time.Duration {
	if k.Beat > 0 {
		return k.Beat
	}
	return k.Lease
}

// beat renews the lease of a, and gives a context that ends where that is lost: nobody
// else does the job before. end stops it, and says why the context ended before.
func (r *Runner) beat(ctx context.Context, k *runningKind, a Attempt) (_ context.Context, end func() error) {
	if k.Beat == 0 {
		return ctx, func() error { return nil }
	}
	ctx, lose := context.WithCancelCause(ctx)
	last := time.AfterFunc(k.Beat, func() { lose(fmt.Errorf("it was not renewed in time: %w", ErrLeaseLost)) })
	at, stop := r.opts.Beats(k.Beat)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-at:
			}
			// What is given counts from before it is asked for, and is over here no later.
			fresh := time.AfterFunc(k.Beat, func() { lose(fmt.Errorf("it was not renewed in time: %w", ErrLeaseLost)) })
			switch err := r.opts.Queue.Extend(ctx, a, r.opts.Clock.Now().Add(k.Beat)); {
			case err == nil:
				last.Stop()
				last = fresh
				continue
			case errors.Is(err, ErrLeaseLost):
				lose(err)
			case ctx.Err() == nil:
				r.opts.Log.WarnContext(ctx, "jobs: a lease is not renewed, it is tried again", "kind", k.Name, "job", a.ID, "err", err)
			}
			fresh.Stop()
		}
	}()
	return ctx, func() error {
		why := context.Cause(ctx)
		lose(context.Canceled)
		<-ended
		last.Stop()
		return why
	}
}
