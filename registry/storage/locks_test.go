package storage

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
)

func TestLocksExcludeByKey(t *testing.T) {
	t.Parallel()
	l := newLocks()
	var inside, most int
	var mu sync.Mutex
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			unlock, err := l.Lock(t.Context(), "a", false)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	done.Wait()
	if most != 1 || len(l.held) != 0 {
		t.Errorf("%d were inside at once, %d locks are left", most, len(l.held))
	}
}

func TestSharedLocksExcludeTheExclusiveOne(t *testing.T) {
	t.Parallel()
	l := newLocks()
	one, err1 := l.Lock(t.Context(), "a", true)
	two, err2 := l.Lock(t.Context(), "a", true)
	other, err3 := l.Lock(t.Context(), "b", false)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Lock(ctx, "a", false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v while others share it, want canceled", err)
	}
	one()
	two()
	other()
	unlock, err := l.Lock(t.Context(), "a", false)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if len(l.held) != 0 {
		t.Errorf("%d locks are left", len(l.held))
	}
}
