package gc

import (
	"sync"
	"time"
)

// A Memory keeps what runs of one process found, so that the next run reads
// only repositories in which something was changed or has come of age. It may
// be shared by many collectors of one registry. Where other processes write
// too, nothing is kept. The zero Memory is empty.
type Memory struct {
	mu    sync.Mutex
	repos map[string]recalled
}

// recalled is one repository as it was left.
type recalled struct {
	generation   uint64
	due          time.Time // when something of it comes of age; zero: never
	live, linked []uint64
	kept         int // manifests
}

func (m *Memory) get(repo string) (recalled, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	one, ok := m.repos[repo]
	return one, ok
}

// put keeps one repository, or forgets it when keep is false.
func (m *Memory) put(repo string, one recalled, keep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.repos == nil {
		m.repos = map[string]recalled{}
	}
	if keep {
		m.repos[repo] = one
	} else {
		delete(m.repos, repo)
	}
}

// recall takes repo from memory, if nothing was changed in it since and
// nothing in it has come of age.
func (r *run) recall(repo string, generation uint64) bool {
	one, ok := r.opts.Memory.get(repo)
	if !ok || one.generation != generation || !one.due.IsZero() && !r.now.Before(one.due) {
		return false
	}
	r.live.keys = append(r.live.keys, one.live...)
	r.linked.keys = append(r.linked.keys, one.linked...)
	r.report.ManifestsKept += one.kept
	r.report.Unchanged++
	return true
}

// remember keeps w as it was accounted for: live, linked and kept say where
// the run's own account began.
func (r *run) remember(w *world, generation uint64, live, linked, kept int) {
	one := recalled{
		generation: generation, due: w.due(r.opts.Grace), kept: r.report.ManifestsKept - kept,
		live:   append([]uint64(nil), r.live.keys[live:]...),
		linked: append([]uint64(nil), r.linked.keys[linked:]...),
	}
	r.opts.Memory.put(w.repo, one, len(w.damage) == 0 && !w.uploads)
}

// due says when the first link of w comes of age: a young one, or one that was
// set aside; zero when none will.
func (w *world) due(grace time.Duration) (due time.Time) {
	for _, l := range w.links {
		at := l.Changed.Add(grace)
		if l.IsSetAside() {
			at = l.Since.Add(grace)
		} else if !w.isYoung(l) {
			continue
		}
		if due.IsZero() || at.Before(due) {
			due = at
		}
	}
	return due
}
