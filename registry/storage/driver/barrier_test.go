package driver

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
)

func TestThoseWhoWaitTogetherShareASync(t *testing.T) {
	t.Parallel()
	var syncs atomic.Int32
	var written, durable atomic.Int64
	first, release := make(chan struct{}), make(chan struct{})
	b := &barrier{sync: func() error {
		upTo := written.Load()
		if syncs.Add(1) == 1 {
			close(first)
			<-release
		}
		durable.Store(upTo)
		return nil
	}}
	var all sync.WaitGroup
	wait := func() {
		mine := written.Add(1)
		all.Go(func() {
			if err := b.wait(); err != nil || durable.Load() < mine {
				t.Errorf("%v; durable up to %d, wrote %d", err, durable.Load(), mine)
			}
		})
	}
	wait()
	<-first // it runs, so that none of those to come may count on it
	for range 50 {
		wait()
	}
	for {
		b.mu.Lock()
		joined := b.next != nil
		b.mu.Unlock()
		if joined {
			break
		}
	}
	close(release)
	all.Wait()
	if n := syncs.Load(); n < 2 || n > 51 {
		t.Errorf("%d syncs", n)
	}
}

func TestABrokenBarrierStaysBroken(t *testing.T) {
	t.Parallel()
	disk := errors.New("input/output error")
	fails := disk
	b := &barrier{sync: func() error { return fails }}
	if err := b.wait(); !errors.Is(err, disk) {
		t.Fatal(err)
	}
	fails = nil
	if err := b.wait(); !errors.Is(err, disk) {
		t.Errorf("after a failed sync: %v, want the failure again: what was written before is in doubt", err)
	}
}
