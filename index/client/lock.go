package client

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

var errLocked = errors.New("locked by another process")

// lock takes the store for one change and waits for whoever has it, as long as
// ctx lets it. The system takes the lock back from a process that dies.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		f, err := tryLock(filepath.Join(s.dir, ".lock"))
		if err == nil {
			return func() { closeLock(f) }, nil
		}
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("store %q: lock: %w", s.dir, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("store %q: another process is changing it: %w", s.dir, ctx.Err())
		case <-tick.C:
		}
	}
}

func closeLock(f *os.File) { f.Close() }
