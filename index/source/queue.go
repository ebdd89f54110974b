package source

import (
	"context"
	"sync"

	"github.com/opencontainers/go-digest"
)

// A task is what is to be looked at again in one repository.
type task struct {
	repo     string
	all      bool // judge every version again
	subjects map[digest.Digest]bool
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
}

func newQueue() *queue {
	return &queue{waiting: map[string]*task{}, busy: map[string]bool{},
		wake: make(chan struct{}, 1), changed: make(chan struct{})}
}

func (q *queue) touch(repo string, subjects []digest.Digest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.waiting[repo]
	if t == nil {
		t = &task{repo: repo}
		q.waiting[repo] = t
		if !q.busy[repo] {
			q.push(repo)
		}
	}
	t.merge(subjects)
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

// claim waits until repo is free and takes it, with all touches so far.
func (q *queue) claim(ctx context.Context, repo string) error {
	for {
		q.mu.Lock()
		if !q.busy[repo] {
			q.busy[repo] = true
			delete(q.waiting, repo)
			q.mu.Unlock()
			return nil
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// release frees repositories; those touched meanwhile are queued again.
func (q *queue) release(repos ...string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, repo := range repos {
		delete(q.busy, repo)
		if q.waiting[repo] != nil {
			q.push(repo)
		}
	}
	close(q.changed)
	q.changed = make(chan struct{})
}

// quiet reports whether nothing waits and nothing is busy; if something is,
// changed is closed at the next release.
func (q *queue) quiet() (quiet bool, changed <-chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting) == 0 && len(q.busy) == 0, q.changed
}

// poke wakes whoever waits on c, now or next.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
