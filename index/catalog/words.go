package catalog

import (
	"sync"

	"github.com/oarlock/oarlock/artifact"
)

// words are the values that many plugins say, kept once for a line of
// snapshots that grow from each other.
type words struct {
	mu     sync.RWMutex
	ranges map[string]artifact.Range
}

func newWords() *words { return &words{ranges: map[string]artifact.Range{}} }

// rng parses a range once.
func (w *words) rng(text string) (artifact.Range, error) {
	w.mu.RLock()
	r, ok := w.ranges[text]
	w.mu.RUnlock()
	if ok {
		return r, nil
	}
	r, err := artifact.ParseRange(text)
	if err != nil {
		return r, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ranges[r.String()] = r
	return r, nil
}
