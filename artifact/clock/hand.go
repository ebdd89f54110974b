package clock

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Hand is a clock that stands until a test moves it. Its methods may be
// called at once from many goroutines.
type Hand struct {
	mu      sync.Mutex
	at      time.Time
	waiting []*pending
	changed chan struct{} // closed and replaced when a timer comes or goes
}

type pending struct {
	at time.Time
	c  chan time.Time
}

// NewHand is a clock that stands at t.
func NewHand(t time.Time) *Hand { return &Hand{at: t, changed: make(chan struct{})} }

// Clock is the clock that h moves.
func (h *Hand) Clock() Clock { return Clock{hand: h} }

// Advance moves the clock by d, fires the timers that end until then, in order,
// and returns. It does not wait for those who listen to them.
func (h *Hand) Advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
	slices.SortStableFunc(h.waiting, func(a, b *pending) int { return a.at.Compare(b.at) })
	for len(h.waiting) > 0 && !h.waiting[0].at.After(h.at) {
		h.waiting[0].c <- h.waiting[0].at // its buffer holds the one value
		h.waiting = h.waiting[1:]
	}
	h.tell()
}

// Await returns when at least n timers wait for the clock, so that a test moves
// it after the part under test went to sleep and not before.
func (h *Hand) Await(ctx context.Context, n int) error {
	for {
		h.mu.Lock()
		enough, changed := len(h.waiting) >= n, h.changed
		h.mu.Unlock()
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (h *Hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *Hand) newTimer(d time.Duration) *Timer {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := &pending{h.at.Add(d), make(chan time.Time, 1)}
	if d <= 0 {
		p.c <- h.at
	} else {
		h.waiting = append(h.waiting, p)
		h.tell()
	}
	return &Timer{C: p.c, stop: func() bool { return h.remove(p) }}
}

func (h *Hand) remove(p *pending) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := slices.Index(h.waiting, p)
	if i < 0 {
		return false
	}
	h.waiting = slices.Delete(h.waiting, i, i+1)
	h.tell()
	return true
}

// tell is called with mu held.
func (h *Hand) tell() {
	close(h.changed)
	h.changed = make(chan struct{})
}
