package ingest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// hearing is until when it is known what others stored. The moment at which that
// is too long ago comes by a timer, so that those who ask only load a word.
type hearing struct {
	serves atomic.Bool // a whole generation serves, and it is not stale

	mu    sync.Mutex
	until time.Time
	ready bool
	ended bool
	stale *time.Timer
}

// errDeriving is why nothing serves after a start.
var errDeriving = errors.New("the catalog is being derived from the registry, or compared with the ledgers of its plugins")

// Current is nil where what serves may be believed: a whole generation serves, and
// what others stored is known up to Options.StaleAfter ago. Otherwise it says why it
// may not, and then nobody knows what may still be installed. It costs one atomic
// load while it is nil.
func (in *Ingester) Current() error {
	if in.hearing.serves.Load() {
		return nil
	}
	h := &in.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ready {
		return errDeriving
	}
	return fmt.Errorf("what other replicas stored since %s is neither heard of nor read: what may still be installed is not known", h.until.UTC().Format(time.RFC3339))
}

// Heard says that all that others stored until at was told by Touch, Doubt or Notify,
// or was read by CatchUp.
func (in *Ingester) Heard(at time.Time) {
	if in.opts.StaleAfter <= 0 {
		return
	}
	h := &in.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	if at.After(h.until) {
		h.until = at
	}
	left := in.opts.StaleAfter - time.Since(h.until)
	if h.ended || left <= 0 {
		return
	}
	if h.stale == nil {
		h.stale = time.AfterFunc(left, in.unheard)
	} else {
		h.stale.Reset(left)
	}
	if h.ready && !h.serves.Swap(true) {
		in.log.Info("what other replicas store is known again")
	}
}

// unheard ends the serving of what is stale.
func (in *Ingester) unheard() {
	h := &in.hearing
	h.mu.Lock()
	defer h.mu.Unlock()
	if left := in.opts.StaleAfter - time.Since(h.until); left > 0 { // heard meanwhile
		h.stale.Reset(left)
		return
	}
	if h.serves.Swap(false) {
		in.log.Error("what other replicas store is neither heard of nor read: nothing is served of which it is not known whether it may still be installed",
			"alert", true, "since", h.until.UTC().Format(time.RFC3339))
	}
}

// serve has a whole generation serve.
func (in *Ingester) serve() {
	in.once.Do(func() {
		h := &in.hearing
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ready = true
		h.serves.Store(in.opts.StaleAfter <= 0 || time.Since(h.until) < in.opts.StaleAfter)
		close(in.ready)
	})
}

// end stops the timer; what serves then is not looked after any more.
func (h *hearing) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	if h.stale != nil {
		h.stale.Stop()
	}
}
