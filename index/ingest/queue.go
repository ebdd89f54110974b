package ingest

import (
	"context"
	"maps"
	"sync"

	"github.com/opencontainers/go-digest"
)

// A task is what is to be looked at again in one repository.
type task struct {
	repo     string
	all      bool // judge every version again
	doubted  bool // its ledger may go on: where it cannot be read, nobody knows what may be installed
	subjects map[digest.Digest]bool
	// publishers are by whose ledgers it is judged; nil for those that count.
	publishers map[string]publisherStanding
	// head is the list of the ledger that derive found, "" for none.
	head digest.Digest
}

func (t *task) touches(d digest.Digest) bool { return t.all || t.subjects[d] }

func (t *task) merge(subjects []digest.Digest) {
	if len(subjects) == 0 {
		t.all = true
	}
	for _, d := range subjects {
		if t.subjects == nil {
			t.subjects = map[digest.Digest]bool{}
		}
		t.subjects[d] = true
	}
}

// queue holds the repositories to derive, in the order of their first touch.
// One that is busy waits until it is released, however often it is touched.
type queue struct {
	mu      sync.Mutex
	order   []string
	waiting map[string]*task
	busy    map[string]bool
	wake    chan struct{} // something may be taken
	changed chan struct{} // closed and replaced when something is released
	waiters map[*waiter]bool
}

// A waiter waits until some repositories were released so many times.
type waiter struct {
	missing map[string]int
	done    chan struct{}
}

func newQueue() *queue {
	return &queue{waiting: map[string]*task{}, busy: map[string]bool{}, waiters: map[*waiter]bool{},
		wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

func (q *queue) touch(repo string, subjects []digest.Digest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of(repo).merge(subjects)
}

// doubt touches a repository whose ledger may go on.
func (q *queue) doubt(repo string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.of(repo)
	t.all, t.doubted = true, true
}

// of is what waits for repo. It is called with mu held.
func (q *queue) of(repo string) *task {
	t := q.waiting[repo]
	if t == nil {
		t = &task{repo: repo}
		q.waiting[repo] = t
		if !q.busy[repo] {
			q.push(repo)
		}
	}
	return t
}

// unfinished are the repositories that were touched and are not released since.
func (q *queue) unfinished() map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := maps.Clone(q.busy)
	for repo := range q.waiting {
		out[repo] = true
	}
	return out
}

// follow touches repos, and those of which is true that are being derived now,
// because another repository changed. Who waits for that one waits for them.
func (q *queue) follow(changed string, repos []string, which func(repo string) bool) {
	for repo := range q.derived(changed) {
		if which(repo) {
			repos = append(repos, repo)
		}
	}
	for _, repo := range repos {
		q.touch(repo, nil)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for w := range q.waiters {
		if w.missing[changed] == 0 {
			continue
		}
		for _, repo := range repos {
			w.missing[repo] = max(w.missing[repo], q.releases(repo))
		}
	}
}

// derived are the repositories that are claimed, but one.
func (q *queue) derived(but string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	out := maps.Clone(q.busy)
	delete(out, but)
	return out
}

// releases is how often repo is released until what is known of it now is
// done. It is called with mu held.
func (q *queue) releases(repo string) (n int) {
	if q.busy[repo] {
		n++
	}
	if q.waiting[repo] != nil {
		n++
	}
	return n
}

func (q *queue) push(repo string) {
	q.order = append(q.order, repo)
	poke(q.wake)
}

// take claims the repository that waits longest, or returns nil.
func (q *queue) take() *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) > 0 {
		repo := q.order[0]
		q.order = q.order[1:]
		t := q.waiting[repo]
		if t == nil || q.busy[repo] { // claimed by another; release brings it back
			continue
		}
		delete(q.waiting, repo)
		q.busy[repo] = true
		if len(q.order) > 0 {
			poke(q.wake)
		}
		return t
	}
	return nil
}

// claim waits until repo is free and takes it, with all touches so far. doubted is
// whether one of them said that its ledger may go on.
func (q *queue) claim(ctx context.Context, repo string) (doubted bool, err error) {
	for {
		q.mu.Lock()
		if !q.busy[repo] {
			q.busy[repo] = true
			doubted = q.waiting[repo] != nil && q.waiting[repo].doubted
			delete(q.waiting, repo)
			q.mu.Unlock()
			return doubted, nil
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// release frees repositories; those touched meanwhile are queued again.
func (q *queue) release(repos ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, repo := range repos {
		delete(q.busy, repo)
		q.released(repo)
		if q.waiting[repo] != nil {
			q.push(repo)
		}
	}
	close(q.changed)
	q.changed = make(chan struct{})
}

// settled is closed once everything that was touched so far is released.
func (q *queue) settled() *waiter {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := &waiter{missing: map[string]int{}, done: make(chan struct{})}
	for repo := range q.waiting {
		w.missing[repo]++
	}
	for repo := range q.busy {
		w.missing[repo]++
	}
	if len(w.missing) == 0 {
		close(w.done)
	} else {
		q.waiters[w] = true
	}
	return w
}

func (q *queue) forget(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiters, w)
}

// released is called with mu held.
func (q *queue) released(repo string) {
	for w := range q.waiters {
		if n := w.missing[repo]; n > 1 {
			w.missing[repo] = n - 1
			continue
		}
		delete(w.missing, repo)
		if len(w.missing) == 0 {
			close(w.done)
			delete(q.waiters, w)
		}
	}
}

// poke wakes whoever waits on c, now or next.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
