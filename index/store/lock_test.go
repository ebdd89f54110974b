package store

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"github.com/oarlock/oarlock/artifact"
)

// TestAdvisoryLocks_K7: two replicas exclude one another, readers of one key
// do not, and a lock that is given back or whose holder goes away is free.
func TestAdvisoryLocks_K7(t *testing.T) {
	t.Parallel()
	if _, err := OpenAdvisoryLocker(t.Context(), "sqlite://x"); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("for SQLite: %v", err)
	}
	server := os.Getenv("OARLOCK_TEST_POSTGRES")
	if server == "" {
		t.Skip("OARLOCK_TEST_POSTGRES is not set")
	}
	var replicas [2]*AdvisoryLocker
	for i := range replicas {
		l, err := OpenAdvisoryLocker(t.Context(), server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		replicas[i] = l
	}
	lock := func(ctx context.Context, i int, key string, shared bool) func() {
		unlock, err := replicas[i].Lock(ctx, key, shared)
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}
	var inside, most atomic.Int64
	each(20, func(i int) {
		unlock := lock(t.Context(), i%2, "acme/hello:1.0.0", false)
		most.Store(max(most.Load(), inside.Add(1)))
		inside.Add(-1)
		unlock()
		unlock()
	})
	same(t, "at once inside", most.Load(), int64(1), nil)
	first, second := lock(t.Context(), 0, "shared", true), lock(t.Context(), 1, "shared", true)
	lock(t.Context(), 1, "another", false)()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := replicas[0].Lock(ended, "shared", false); err == nil {
		t.Error("a lock for a context that ended")
	}
	first()
	second()
	held := lock(t.Context(), 0, "held", false)
	go func() { _ = replicas[0].Close() }()
	held()
	lock(t.Context(), 1, "held", false)()
}
