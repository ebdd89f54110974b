package auth

import (
	"sync"
	"time"
)

// CacheTTL is how long a fact about a token, a principal or a namespace may be
// used without asking the store again. A change made through this process is
// seen at once, one made through another within this time.
const CacheTTL = time.Second

// maxCached bounds a cache; a full one starts again empty.
const maxCached = 1 << 14

// ttlCache holds values for ttl at most.
type ttlCache[K comparable, V any] struct {
	now   func() time.Time
	ttl   time.Duration
	mu    sync.Mutex
	held  map[K]cached[V]
	epoch uint64
}

type cached[V any] struct {
	value V
	until time.Time
}

func newCache[K comparable, V any](now func() time.Time) *ttlCache[K, V] {
	return &ttlCache[K, V]{now: now, ttl: CacheTTL, held: map[K]cached[V]{}}
}

func (c *ttlCache[K, V]) get(key K) (V, bool) {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.held[key]
	if !ok || !now.Before(e.until) {
		var none V
		return none, false
	}
	return e.value, true
}

// begin is called before the store is read, and its result given to put, so
// that what was read before a change is not kept after it.
func (c *ttlCache[K, V]) begin() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *ttlCache[K, V]) put(key K, value V, began uint64, read, until time.Time) {
	if limit := read.Add(c.ttl); until.IsZero() || until.After(limit) {
		until = limit
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch != began {
		return
	}
	if len(c.held) >= maxCached {
		clear(c.held)
	}
	c.held[key] = cached[V]{value, until}
}

// renew replaces a value that is still held, and does not lengthen its life.
func (c *ttlCache[K, V]) renew(key K, value V, began uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.held[key]; ok && c.epoch == began {
		c.held[key] = cached[V]{value, e.until}
	}
}

// drop forgets everything, and what is being read now.
func (c *ttlCache[K, V]) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	clear(c.held)
}
