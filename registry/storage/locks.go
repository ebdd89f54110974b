package storage

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/oarlock/oarlock/artifact"
)

// everybody is the weight of an exclusive lock: more than all sharers together.
const everybody = 1 << 30

// locks excludes writers inside one process, by key, in order of arrival.
type locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	sem   *semaphore.Weighted
	users int
}

// NewLocker excludes writers inside one process, which is what Options.Locker
// does when it is nil.
func NewLocker() Locker { return newLocks() }

func newLocks() *locks { return &locks{held: map[string]*lock{}} }

// Lock implements Locker.
func (l *locks) Lock(ctx context.Context, key string, shared bool) (func(), error) {
	l.mu.Lock()
	k := l.held[key]
	if k == nil {
		k = &lock{sem: semaphore.NewWeighted(everybody)}
		l.held[key] = k
	}
	k.users++
	l.mu.Unlock()
	weight := int64(everybody)
	if shared {
		weight = 1
	}
	if err := k.sem.Acquire(ctx, weight); err != nil {
		l.leave(key, k)
		return nil, err
	}
	return func() {
		k.sem.Release(weight)
		l.leave(key, k)
	}, nil
}

// Held implements Locker. What is held in one process is not lost, so it refuses
// only what nobody holds.
func (l *locks) Held(_ context.Context, key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[key] == nil {
		return fmt.Errorf("lock %q: it is not held: %w", key, artifact.ErrConflict)
	}
	return nil
}

func (l *locks) leave(key string, k *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.held, key)
	}
}
