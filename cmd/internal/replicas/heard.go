package replicas

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// heard is how far it is known what the others stored.
type heard struct {
	mu     sync.Mutex
	last   time.Time // all that was told until then came here
	gap    time.Time // when something may have gone unheard that was not read since
	looked time.Time // when all ledgers were looked at
	took   time.Duration
}

// alive notes that all that was told until at came here, and reports whether that
// is all that there is to know.
func (h *heard) alive(at time.Time) (whole bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.last = at
	return h.gap.IsZero()
}

// missed notes that something may have gone unheard until at.
func (h *heard) missed(at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.gap = at
}

// due reports whether the ledgers are to be looked at.
func (h *heard) due(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.gap.IsZero() || now.Sub(h.last) >= silentFor || now.Sub(h.looked) >= max(lookAnyway, lookShare*h.took)
}

// lookedAt notes a look at all ledgers that began at began.
func (h *heard) lookedAt(began time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.looked, h.took = began, time.Since(began)
	if h.gap.Before(began) {
		h.gap = time.Time{}
	}
}

// lookAtLedgers finds in storage what of the lifecycle was not heard.
func (r *Replicas) lookAtLedgers(ctx context.Context) error {
	began := time.Now()
	if !r.heard.due(began) || !r.ingest.Ready() {
		return nil
	}
	if err := r.ingest.CatchUp(ctx); err != nil {
		return fmt.Errorf("ledgers that other replicas may have set: %w", err)
	}
	r.heard.lookedAt(began)
	r.ingest.Heard(began)
	return nil
}
