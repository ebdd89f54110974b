package storage

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/opencontainers/go-digest"
)

// cache holds values within a budget of bytes and drops the least recently
// used. A nil cache holds nothing.
type cache[V any] struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, weighed[V]]
	budget int64
	used   int64
	epoch  uint64
}

type weighed[V any] struct {
	value  V
	weight int64
}

func newCache[V any](budget int64) *cache[V] {
	if budget <= 0 {
		return nil
	}
	c := &cache[V]{budget: budget}
	// The only error is a size below one.
	c.lru, _ = simplelru.NewLRU(1<<20, func(_ string, w weighed[V]) { c.used -= w.weight })
	return c
}

func (c *cache[V]) get(key string) (V, bool) {
	if c == nil {
		var none V
		return none, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	w, ok := c.lru.Get(key)
	return w.value, ok
}

// match finds a value by its key, for what is rare: it looks at all of them.
func (c *cache[V]) match(is func(key string) bool) (V, bool) {
	var none V
	if c == nil {
		return none, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range c.lru.Keys() {
		if is(key) {
			w, ok := c.lru.Peek(key)
			return w.value, ok
		}
	}
	return none, false
}

// begin is called before a value is read from storage, and its result given
// to put, so that a value read before a change is not kept after it.
func (c *cache[V]) begin() uint64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

func (c *cache[V]) put(key string, value V, weight int64, began uint64) {
	if c == nil || weight > c.budget/4 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if began != c.epoch {
		return
	}
	c.lru.Remove(key)
	c.lru.Add(key, weighed[V]{value, weight})
	for c.used += weight; c.used > c.budget; {
		c.lru.RemoveOldest()
	}
}

// DropQuarantine forgets key and whatever is being read just now.
func (c *cache[V]) drop(key string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.lru.Remove(key)
}

// clear forgets everything.
func (c *cache[V]) clear() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	c.lru.Purge()
}

// ForgetManifest drops what is remembered of the manifest d of repo.
func (s *Storage) ForgetManifest(repo string, d digest.Digest) {
	s.manifests.drop(repo + "@" + d.String())
}

// ForgetBlob drops the bytes of d that are held in memory.
func (s *Storage) ForgetBlob(d digest.Digest) { s.blobs.drop(d.String()) }

// ForgetReferrers drops what is remembered of who refers to what: it is read
// from storage again.
func (s *Storage) ForgetReferrers() { s.referrers.clear() }
