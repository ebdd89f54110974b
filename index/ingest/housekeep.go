package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// kept is how far Housekeep came.
type kept struct {
	mu      sync.Mutex
	written time.Time // when the last checkpoint was
	last    int64     // the generation that served the last time
}

// Housekeep does what is due: it touches what could not be read and is to be
// tried again, reserves numbers of generations, and writes the checkpoint once
// the catalog is quiet. It is to be called every HousekeepEvery while Run runs;
// without it nothing is tried again and a restart begins with an old catalog. An
// error is of what is tried again the next time.
func (in *Ingester) Housekeep(ctx context.Context) error {
	in.kept.mu.Lock()
	defer in.kept.mu.Unlock()
	now := in.opts.Now()
	for _, repo := range in.retry.due(now) {
		in.Touch(repo)
	}
	var errs []error
	g := in.opts.Live.Current()
	quiet := g.Number == in.kept.last && now.Sub(g.At) >= checkpointQuiet
	in.kept.last = g.Number
	if in.opts.Numbers != nil {
		if err := in.opts.Numbers.raise(ctx, g.Number); err != nil {
			errs = append(errs, fmt.Errorf("no more numbers of generations could be reserved after %d: %w", g.Number, err))
		}
	}
	if err := in.ledgers.save(); err != nil {
		errs = append(errs, fmt.Errorf("memory of ledgers not written: %w", err))
	}
	if in.dirty.Load() && (quiet || now.Sub(in.kept.written) >= checkpointMost) {
		if err := in.Save(); err != nil {
			errs = append(errs, fmt.Errorf("checkpoint not written: %w", err))
		}
		in.kept.written = now
	}
	return errors.Join(errs...)
}
