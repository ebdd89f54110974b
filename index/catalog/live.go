package catalog

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// ErrGenerationGone is a generation that served once and is no longer kept.
// It wraps artifact.ErrNotFound.
var ErrGenerationGone = fmt.Errorf("generation gone: %w", artifact.ErrNotFound)

// A Generation is a Snapshot that serves, or served. Numbers rise by one.
type Generation struct {
	Number   int64 // 0 only before the first Swap
	Snapshot *Snapshot
	At       time.Time // when it began to serve
	// Beside is what whoever makes checkpoints keeps with it in one; no answer and
	// no digest has it.
	Beside []byte

	named atomic.Bool // an answer carried its number
	of    *Generation // the one that this is a reader's part of; nil: itself
}

// Stamp is what every answer from g carries. From then on g is kept for the
// retention time after it was replaced.
func (g *Generation) Stamp() index.Stamp {
	whole := g
	if g.of != nil {
		whole = g.of
	}
	if !whole.named.Load() {
		whole.named.Store(true)
	}
	return index.Stamp{Generation: g.Number, CatalogDigest: g.Snapshot.Digest()}
}

// LiveOptions set up a Live. The zero value works.
type LiveOptions struct {
	Now    func() time.Time // nil: time.Now
	Retain time.Duration    // how long a generation answers after it was replaced; 0: 5 minutes
	Checks []Check          // run before every swap; nil: DefaultChecks
	First  *Generation      // serves at once, such as one from Load; nil: an empty catalog, number 0
}

// Live serves catalog reads from one immutable snapshot and replaces it whole.
// It is safe for concurrent use.
type Live struct {
	current atomic.Pointer[Generation]
	now     func() time.Time
	retain  time.Duration
	checks  []Check
	glances *glances

	mu          sync.Mutex // guards swapping and what follows
	past        []past     // oldest first
	sweep       *time.Timer
	subscribers map[chan *Generation]bool
}

type past struct {
	*Generation
	replaced time.Time
}

// unnamed is how long a generation is kept that no answer has named yet:
// enough for an answer that is being written, and little enough that a burst of
// thousands of generations that nobody saw does not fill the memory.
const unnamed = time.Second

// NewLive gives a Live that serves o.First.
func NewLive(o LiveOptions) *Live {
	l := &Live{now: o.Now, retain: o.Retain, checks: o.Checks, glances: newGlances(), subscribers: map[chan *Generation]bool{}}
	if l.now == nil {
		l.now = time.Now
	}
	if l.retain == 0 {
		l.retain = 5 * time.Minute
	}
	if l.checks == nil {
		l.checks = DefaultChecks()
	}
	first := o.First
	if first == nil {
		first = &Generation{Snapshot: Empty(), At: l.now()}
	}
	l.current.Store(first)
	return l
}

// Current is the generation that serves, never nil.
func (l *Live) Current() *Generation { return l.current.Load() }

// At is the generation of number n: the current one, or one that was replaced
// less than the retention time ago, provided that an answer named it and that nothing was kept
// back since from who might pull it. Errors wrap ErrGenerationGone for one that is no longer kept, and artifact.ErrNotFound alone for one that is yet to come.
func (l *Live) At(n int64) (*Generation, error) {
	if g := l.current.Load(); g.Number == n {
		return g, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prune()
	newest := l.current.Load()
	if newest.Number == n {
		return newest, nil
	}
	for _, p := range l.past {
		if p.Number == n {
			return p.Generation, nil
		}
	}
	if n > newest.Number {
		return nil, fmt.Errorf("generation %d: the newest is %d: %w", n, newest.Number, artifact.ErrNotFound)
	}
	return nil, fmt.Errorf("generation %d: the newest is %d: %w", n, newest.Number, ErrGenerationGone)
}

// Swap makes next the current generation after every check passed, and gives
// the generation that serves then. One that says what the current generation
// says, times beside the digest included, changes nothing. Where a check fails the current generation goes
// on serving, and the error names the check.
func (l *Live) Swap(next *Snapshot) (*Generation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	current := l.current.Load()
	if current.Number > 0 && current.Snapshot.same(next) {
		return current, nil
	}
	for _, c := range l.checks {
		if err := c.Run(current.Snapshot, next); err != nil {
			return current, fmt.Errorf("generation %d: check %q, generation %d goes on serving: %w", current.Number+1, c.Name, current.Number, err)
		}
	}
	now := l.now()
	g := &Generation{Number: current.Number + 1, Snapshot: next, At: now}
	switch {
	case stops(current.Snapshot, next):
		clear(l.past)
		l.past = l.past[:0]
	case current.Number > 0:
		l.past = append(l.past, past{current, now})
	}
	l.current.Store(g)
	l.prune()
	for c := range l.subscribers {
		offer(c, g)
	}
	return g, nil
}

func (l *Live) prune() {
	now, keep := l.now(), l.past[:0]
	for _, p := range l.past {
		age := now.Sub(p.replaced)
		if age < unnamed || age < l.retain && p.named.Load() {
			keep = append(keep, p)
		}
	}
	clear(l.past[len(keep):])
	l.past = keep
	if len(l.past) == 0 || l.sweep != nil {
		return
	}
	l.sweep = time.AfterFunc(2*unnamed, func() { // what nobody asks for again still gives its memory back
		l.mu.Lock()
		defer l.mu.Unlock()
		l.sweep = nil
		l.prune()
	})
}

// Subscribe gives a channel that gets every new generation; a slow receiver
// misses all but the newest. stop ends it and closes the channel.
func (l *Live) Subscribe() (generations <-chan *Generation, stop func()) {
	c := make(chan *Generation, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscribers[c] = true
	return c, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.subscribers[c] {
			delete(l.subscribers, c)
			close(c)
		}
	}
}

// offer replaces what c still holds; only the holder of mu sends.
func offer(c chan *Generation, g *Generation) {
	select {
	case <-c:
	default:
	}
	c <- g
}
