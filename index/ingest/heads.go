package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
)

// heads are the ledgers by which what serves was derived. A ledger that stands
// elsewhere now says something that the catalog does not know yet.
type heads struct {
	mu sync.Mutex
	at besideCheckpoint
}

// besideCheckpoint is what a checkpoint keeps beside its generation, so that a
// restart knows what changed since. Whatever came to count after it was written
// down is looked at once more, and nothing is left out.
type besideCheckpoint struct {
	// Plugins and Publishers are the digests of the lists of their ledgers, by
	// repository and by name; who is not there has none.
	Plugins    map[string]digest.Digest `json:"plugins"`
	Publishers map[string]digest.Digest `json:"publishers"`
	// Everywhere names what was withheld whatever the repository.
	Everywhere string `json:"everywhere,omitempty"`
	// Waiting are the repositories of which it was known that they changed.
	Waiting []string `json:"waiting,omitempty"`
}

func newHeads() *heads {
	return &heads{at: besideCheckpoint{Plugins: map[string]digest.Digest{}, Publishers: map[string]digest.Digest{}}}
}

// applied notes by what the results were derived that serve now.
func (h *heads) applied(batch []result) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, r := range batch {
		switch {
		case r.publishers != nil:
			h.at.Publishers = map[string]digest.Digest{}
			for name, s := range r.publishers {
				h.at.Publishers[name] = s.List
			}
		case r.keep || r.failed:
		case r.head == "":
			delete(h.at.Plugins, r.repo)
		default:
			h.at.Plugins[r.repo] = r.head
		}
	}
}

func (h *heads) withheldBy(everywhere string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at.Everywhere = everywhere
}

// now is what is known, which others may change then.
func (h *heads) now() besideCheckpoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.at
	out.Plugins, out.Publishers = maps.Clone(out.Plugins), maps.Clone(out.Publishers)
	return out
}

// beside is what the next checkpoint keeps.
func (in *Ingester) beside() ([]byte, error) {
	waiting := in.queue.unfinished()
	for _, repo := range in.retry.all() {
		waiting[repo] = true
	}
	at := in.heads.now()
	at.Waiting = slices.Sorted(maps.Keys(waiting))
	raw, err := json.Marshal(at)
	if err != nil {
		return nil, fmt.Errorf("what a checkpoint was derived by: %w", err)
	}
	return raw, nil
}

// resume takes up what a checkpoint kept. One of an earlier release kept nothing:
// then every ledger is one that is not known yet.
func (in *Ingester) resume(raw []byte) {
	at := newHeads().at
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &at); err != nil {
			in.log.Error("the checkpoint does not say by which ledgers it was derived, all are read", "err", err)
			at = newHeads().at
		}
	}
	for _, repo := range at.Waiting {
		in.Doubt(repo)
	}
	if at.Waiting = nil; at.Plugins == nil || at.Publishers == nil {
		at.Plugins, at.Publishers = newHeads().at.Plugins, newHeads().at.Publishers
	}
	in.heads.at = at
}
