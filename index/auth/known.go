package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// KnownFor is how long what was last known of the namespaces serves reads
	// while the store does not answer: what was public stays public, and what was
	// private stays private. A change that another replica makes meanwhile is
	// not seen here before the store answers or this time is over.
	KnownFor = 5 * time.Minute
	// storeAnswer is how long a question about a namespace or a credential waits
	// for the store.
	storeAnswer = 2 * time.Second
	// askAgain is how often a store that does not answer is asked again.
	askAgain = time.Second
)

// errSilent: the store did not answer a moment ago, and is not asked again yet.
var errSilent = errors.New("the store does not answer")

// A silence is whether the store answers.
type silence struct {
	mu    sync.Mutex
	since time.Time // zero while it answers
	asked time.Time
}

func (s *silence) begin(now time.Time) (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = now
	if s.since.IsZero() {
		s.since, first = now, true
	}
	return first
}

func (s *silence) end() (lasted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lasted, s.since = !s.since.IsZero(), time.Time{}
	return lasted
}

// now says since when the store is silent, and whether it is to be asked again.
func (s *silence) now(at time.Time) (since time.Time, ask bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.since.IsZero() || !at.Before(s.asked.Add(askAgain))
}

// Silent says since when the store does not answer, the zero time while it
// does, and whether what is known of the namespaces still serves reads; a server
// for trying out needs none of it. It asks nobody.
func (a *Authority) Silent() (since time.Time, serves bool) {
	rs := a.resources
	since, _ = rs.silent.now(rs.now())
	_, serves = rs.known.get("")
	return since, serves || since.IsZero() || bool(a.open)
}

// Learn reads the namespaces, so that they are known when the store does not
// answer later. Called now and then it also notices that, and its end.
func (a *Authority) Learn(ctx context.Context) error {
	rs := a.resources
	rs.opening.Lock()
	defer rs.opening.Unlock()
	_, err := rs.learn(ctx)
	return err
}

// learn is called with opening held. Who asked may leave; the answer is for all.
func (rs *resources) learn(ctx context.Context) (*openness, error) {
	now := rs.now()
	if _, ask := rs.silent.now(now); !ask {
		return nil, errSilent
	}
	opened, knew := rs.open.begin(), rs.known.begin()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeAnswer)
	defer cancel()
	public, err := rs.store.NamespacesPublic(ctx)
	if err != nil {
		rs.unanswered(now, err)
		return nil, err
	}
	rs.answered()
	o := rs.opennessOf(public)
	rs.open.put("", o, opened, now, time.Time{})
	rs.known.put("", o, knew, now, time.Time{})
	return o, nil
}

func (rs *resources) unanswered(now time.Time, err error) {
	if rs.silent.begin(now) {
		rs.logger.Error("the database does not answer: what is known of the namespaces serves reads, nothing else is allowed", "for_at_most", KnownFor, "err", err)
	}
}

func (rs *resources) answered() {
	if rs.silent.end() {
		rs.logger.Info("the database answers again")
	}
}

// instead is what was last known while the store is silent, which is asked
// again beside; nil while it answers, and where nothing is known.
func (rs *resources) instead() *openness {
	since, ask := rs.silent.now(rs.now())
	if since.IsZero() {
		return nil
	}
	if ask && rs.opening.TryLock() {
		go func() {
			defer rs.opening.Unlock()
			_, _ = rs.learn(context.Background()) // it has been said
		}()
	}
	o, _ := rs.known.get("")
	return o
}

// fact is what was known of a namespace, enough to decide a pull. One that was
// in nobody's hands is that: it says no more than of a private one.
func (o *openness) fact(name string) Resource {
	public, claimed := o.public[name]
	return Resource{Claimed: FactOf(claimed), Public: FactOf(public)}
}

// namespaceForPull is namespaceFacts where nothing but a pull is decided.
func (rs *resources) namespaceForPull(ctx context.Context, name string) (Resource, error) {
	if r, ok := rs.namespaces.get(name); ok {
		return r, nil
	}
	if o := rs.instead(); o != nil {
		return o.fact(name), nil
	}
	r, err := rs.namespaceFacts(ctx, name)
	if err == nil || ctx.Err() != nil {
		return r, err
	}
	if o, ok := rs.known.get(""); ok {
		return o.fact(name), nil
	}
	return Resource{}, fmt.Errorf("nothing is known of the namespaces: %w", err)
}
