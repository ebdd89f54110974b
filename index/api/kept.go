package api

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// An answer is one body of one generation, ready to be sent.
type answer struct {
	generation int64
	etag       string // without quotes and encoding
	body       []byte
	zip        sync.Once
	gzipped    []byte // read it through zipped
}

// size is what a takes at most: a compressed body is at most nine tenths of it.
func (a *answer) size() int { return len(a.body)*2 + len(a.etag) + 256 }

// kept holds answers by URL within a budget of bytes, the least recently used
// dropped first. Answers of an earlier generation go when they are met.
type kept struct {
	mu     sync.Mutex
	lru    *simplelru.LRU[string, *answer]
	bytes  int
	budget int
}

// keptEntries bounds the number of answers; the budget bounds their bytes.
const keptEntries = 16384

func newKept(budget int) *kept {
	k := &kept{budget: budget}
	k.lru, _ = simplelru.NewLRU(keptEntries, func(key string, a *answer) { k.bytes -= len(key) + a.size() })
	return k
}

// get gives the answer to key if it is of the given generation.
func (k *kept) get(key string, generation int64) *answer {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.lru.Get(key)
	if !ok {
		return nil
	}
	if a.generation != generation {
		k.lru.Remove(key)
		return nil
	}
	return a
}

func (k *kept) put(key string, a *answer) {
	size := len(key) + a.size()
	if size > k.budget/16 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lru.Remove(key)
	k.lru.Add(key, a)
	k.bytes += size
	for k.bytes > k.budget {
		k.lru.RemoveOldest()
	}
}
