package api

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// hosts remembers which hosts a catalog names. The digest of what a reader sees
// is the key, so that no reader learns of the hosts of hidden plugins.
type hosts struct {
	mu  sync.Mutex
	lru *simplelru.LRU[digest.Digest, []index.HostNamed]
}

// maxHostLists is how many catalogs hosts remembers.
const maxHostLists = 64

func newHosts() *hosts {
	lru, err := simplelru.NewLRU[digest.Digest, []index.HostNamed](maxHostLists, nil)
	if err != nil {
		panic(err) // the size is a constant
	}
	return &hosts{lru: lru}
}

func (h *hosts) of(s *catalog.Snapshot) []index.HostNamed {
	key := s.Digest()
	h.mu.Lock()
	defer h.mu.Unlock()
	if named, ok := h.lru.Get(key); ok {
		return named
	}
	named := s.Hosts()
	h.lru.Add(key, named)
	return named
}
