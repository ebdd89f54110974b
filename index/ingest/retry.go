package ingest

import (
	"maps"
	"slices"
	"sync"
	"time"
)

const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// retries are the repositories of which something could not be read.
type retries struct {
	mu sync.Mutex
	of map[string]retry
}

type retry struct {
	at   time.Time
	wait time.Duration
}

// add plans another try, each time after twice as long.
func (r *retries) add(repo string, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		r.of = map[string]retry{}
	}
	next := retry{wait: min(max(firstRetry, 2*r.of[repo].wait), lastRetry)}
	next.at = now.Add(next.wait)
	r.of[repo] = next
}

func (r *retries) forget(repo string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.of, repo)
}

// all are those that are to be tried again.
func (r *retries) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.of))
}

// due gives, sorted, what is to be tried now; each is given once per add.
func (r *retries) due(now time.Time) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for repo, one := range r.of {
		if !one.at.IsZero() && !now.Before(one.at) {
			out = append(out, repo)
			r.of[repo] = retry{wait: one.wait}
		}
	}
	slices.Sort(out)
	return out
}
