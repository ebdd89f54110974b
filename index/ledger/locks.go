package ledger

import (
	"context"
	"sync"

	format "github.com/oarlock/oarlock/artifact/ledger"
)

// locks are one lock for each ledger that somebody appends to now: of one
// ledger one append at a time, and none waits for another ledger's storage.
type locks struct {
	mu   sync.Mutex
	held map[format.Ref]*lock
}

type lock struct {
	free chan struct{} // has one element while nobody holds it
	by   int           // who hold it or wait for it
}

// acquire waits for the lock of a ledger until ctx ends. Its caller calls
// release once.
func (l *locks) acquire(ctx context.Context, ref format.Ref) (release func(), err error) {
	one := l.enter(ref)
	select {
	case <-one.free:
		return func() { one.free <- struct{}{}; l.leave(ref, one) }, nil
	case <-ctx.Done():
		l.leave(ref, one)
		return nil, ctx.Err()
	}
}

func (l *locks) enter(ref format.Ref) *lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.held[ref]
	if one == nil {
		one = &lock{free: make(chan struct{}, 1)}
		one.free <- struct{}{}
		if l.held == nil {
			l.held = map[format.Ref]*lock{}
		}
		l.held[ref] = one
	}
	one.by++
	return one
}

func (l *locks) leave(ref format.Ref, one *lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one.by--; one.by == 0 {
		delete(l.held, ref)
	}
}
