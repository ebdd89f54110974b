package catalog

import (
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// hostAt is a host and its version, as a key.
type hostAt struct{ host, version string }

// A compat says for every set of engines whether it holds one host version.
// Each distinct range is looked at once. It serves all snapshots that share
// their words, and grows with them.
type compat struct {
	host    artifact.HostID
	version artifact.HostVersion

	mu     sync.Mutex
	ranges map[string]bool
	ok     []bool // by number of the set
}

// compatFor is the compat of a host version, up to date with sets.
func (w *words) compatFor(host artifact.HostID, version artifact.HostVersion, sets [][]engine) []bool {
	key := hostAt{host.String(), version.String()}
	c, ok := w.compat.Get(key)
	if !ok {
		c = &compat{host: host, version: version, ranges: map[string]bool{}}
		w.compat.Add(key, c)
	}
	return c.upTo(sets)
}

func (c *compat) upTo(sets [][]engine) []bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, set := range sets[min(len(c.ok), len(sets)):] {
		c.ok = append(c.ok, c.holds(set))
	}
	return c.ok
}

func (c *compat) holds(set []engine) bool {
	for _, e := range set {
		if e.host != c.host {
			continue
		}
		if c.version.IsZero() {
			return true
		}
		in, known := c.ranges[e.rng.String()]
		if !known {
			in = e.rng.ContainsHost(c.version)
			c.ranges[e.rng.String()] = in
		}
		return in
	}
	return false
}
