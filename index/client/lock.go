package client

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/oarlock/oarlock/artifact/durable"
)

// lock takes the store for one change and waits for whoever has it, as long as
// ctx lets it. The system takes the lock back from a process that dies.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		unlock, err := durable.Lock(filepath.Join(s.dir, ".lock"))
		if err == nil {
			return func() { _ = unlock() }, nil
		}
		if !errors.Is(err, durable.ErrLocked) {
			return nil, fmt.Errorf("store %q: lock: %w", s.dir, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("store %q: another process is changing it: %w", s.dir, ctx.Err())
		case <-tick.C:
		}
	}
}
