package known

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// overhead is about what an entry takes beside its key and value, in bytes.
const overhead = 192

// largest is which part of the budget one entry may take.
const largest = 16

// A Cache holds values within a budget of bytes and drops the least recently
// used. What a key names must be everything that its value depends on. It is
// safe for concurrent use; a nil Cache holds nothing.
type Cache[V any] struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, entry[V]]
	budget int64
	used   int64
}

type entry[V any] struct {
	value V
	bytes int64
}

// New makes a Cache of at most budget bytes; one that is not positive holds
// nothing.
func New[V any](budget int64) *Cache[V] {
	if budget <= 0 {
		return nil
	}
	c := &Cache[V]{budget: budget}
	// The only error is a size below one.
	c.lru, _ = simplelru.NewLRU(int(budget/overhead)+1, func(_ string, e entry[V]) { c.used -= e.bytes })
	return c
}

// Get gives the value of key.
func (c *Cache[V]) Get(key string) (value V, ok bool) {
	if c == nil {
		return value, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.lru.Get(key)
	return e.value, ok
}

// Add keeps value, of about so many bytes, unless it is too large to be worth
// what it would drop.
func (c *Cache[V]) Add(key string, value V, bytes int) {
	if c == nil {
		return
	}
	e := entry[V]{value, int64(bytes) + int64(len(key)) + overhead}
	if e.bytes > c.budget/largest {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key) // what replaces is not told as dropped
	c.lru.Add(key, e)
	for c.used += e.bytes; c.used > c.budget; {
		c.lru.RemoveOldest()
	}
}

// Used is how many bytes are taken.
func (c *Cache[V]) Used() int64 {
	if c == nil {
		return 0
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}
