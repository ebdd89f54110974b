package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
)

// register is what several sites' halves note publications in: the first counts.
type register struct {
	mu     sync.Mutex
	noted  index.Arrivals
	asked  int
	silent bool
}

func (r *register) published(_ context.Context, seen index.Arrivals) (index.Arrivals, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if r.silent {
		return nil, errors.New("the database does not answer")
	}
	if r.noted == nil {
		r.noted = index.Arrivals{}
	}
	out := index.Arrivals{}
	for version, at := range seen {
		if _, ok := r.noted[version]; !ok {
			r.noted[version] = at
		}
		out[version] = r.noted[version]
	}
	return out, nil
}

func (r *register) be(silent bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent = silent
}

func (r *register) questions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

// ticking is a clock of its own, which a test moves.
type ticking struct {
	mu sync.Mutex
	at time.Time
}

func (c *ticking) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *ticking) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func at(hour int) *ticking { return &ticking{at: time.Date(2026, 5, 1, hour, 0, 0, 0, time.UTC)} }

func dating(r *register, clock *ticking) func(*ingest.Options) {
	return func(o *ingest.Options) { o.Published, o.Now, o.ListDeniedUnsafe = r.published, clock.now, true }
}

func orderOf(t *testing.T, s *catalog.Snapshot) string {
	t.Helper()
	found, err := s.Query(catalog.Query{Sort: catalog.SortUpdated}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, h := range found.Items {
		out = append(out, h.Plugin.ID.String())
	}
	return strings.Join(out, " ")
}

// C4: replicas have one order, which is by what was noted first, whichever of
// them meets a version when; and the times are in no digest (C1).
func TestReplicasOrderByWhatWasNotedFirst_C1_C4(t *testing.T) {
	t.Parallel()
	m, notes, early, late := newMemory(), new(register), at(1), at(9)
	first := m.publish("acme/zebra", "1.0.0")
	one, liveOne := run(t, m, dating(notes, early))
	second := m.publish("acme/aardvark", "1.0.0")
	early.pass(time.Minute)
	one.Notify("acme/aardvark", "1.0.0", second.Digest, "")
	settle(t, one)
	early.pass(time.Minute)
	third := m.publish("acme/zebra", "1.1.0")
	one.Notify("acme/zebra", "1.1.0", third.Digest, "")
	settle(t, one)
	_, liveTwo := run(t, m, dating(notes, late))
	for name, s := range map[string]*catalog.Snapshot{"one": liveOne.Current().Snapshot, "two": liveTwo.Current().Snapshot} {
		if got := orderOf(t, s); got != "acme/zebra acme/aardvark" {
			t.Errorf("replica %s: %s", name, got)
		}
		p, _ := s.Plugin(mustName(t, "acme/zebra"))
		for _, v := range p.Versions {
			if want := map[digest.Digest]int{first.Digest: 0, third.Digest: 2}[v.Digest]; v.PublishedAt != at(1).at.Add(time.Duration(want)*time.Minute) {
				t.Errorf("replica %s: %s came %v", name, v.Version, v.PublishedAt)
			}
		}
	}
	if a, b := liveOne.Current().Snapshot.Digest(), liveTwo.Current().Snapshot.Digest(); a != b {
		t.Errorf("digests %s and %s", a, b)
	}
	if c, err := one.Check(t.Context()); err != nil || len(c.Differ) != 0 || c.Serving != c.Rebuilt {
		t.Errorf("rebuilt: %+v, %v", c, err)
	}
	if got := orderOf(t, liveOne.Current().Snapshot); got != "acme/zebra acme/aardvark" {
		t.Errorf("after a rebuild: %s", got)
	}
}

// What is known already is not asked for again: the way from a push to the
// catalog costs one question.
func TestATimeIsAskedForOnce(t *testing.T) {
	t.Parallel()
	m, notes := newMemory(), new(register)
	d := m.publish("acme/hello", "1.0.0")
	in, _ := run(t, m, dating(notes, at(1)))
	before := notes.questions()
	for range 3 {
		in.Notify("acme/hello", "1.0.0", d.Digest, "")
		settle(t, in)
	}
	if got := notes.questions() - before; got != 0 {
		t.Errorf("%d questions about what was known", got)
	}
}

// C4: many versions that come at once cost few questions, so that a busy site
// does not write to its database once for each.
func TestABatchIsDatedByOneQuestion(t *testing.T) {
	t.Parallel()
	m, notes := newMemory(), new(register)
	in, live := run(t, m, func(o *ingest.Options) { dating(notes, at(1))(o); o.Interval = 100 * time.Millisecond })
	before := notes.questions()
	const many = 64
	for i := range many {
		repo := fmt.Sprintf("acme/p%d", i)
		in.Notify(repo, "1.0.0", m.publish(repo, "1.0.0").Digest, "")
	}
	settle(t, in)
	if got := notes.questions() - before; got == 0 || got > many/4 {
		t.Errorf("%d questions about %d versions", got, many)
	}
	for p := range live.Current().Snapshot.Plugins {
		if p.Versions[0].PublishedAt.IsZero() {
			t.Errorf("%s has no time", p.ID)
		}
	}
}

// A register that does not answer keeps nothing out of the catalog, is not
// asked for each repository, and what it did not say is asked for again.
func TestACatalogGoesOnWithoutTimes(t *testing.T) {
	t.Parallel()
	m, notes, clock := newMemory(), &register{silent: true}, at(1)
	for _, repo := range []string{"acme/first", "acme/second", "acme/third", "acme/fourth", "acme/fifth"} {
		m.publish(repo, "1.0.0")
	}
	in, live := run(t, m, func(o *ingest.Options) { dating(notes, clock)(o); o.Workers = 1 })
	g := live.Current()
	if g.Snapshot.Len() != 5 || notes.questions() != 1 {
		t.Fatalf("%d plugins, %d questions", g.Snapshot.Len(), notes.questions())
	}
	p, _ := g.Snapshot.Plugin(mustName(t, "acme/first"))
	if !p.Versions[0].PublishedAt.IsZero() || p.UpdatedAt != nil {
		t.Errorf("came %v, updated %v, which nobody said", p.Versions[0].PublishedAt, p.UpdatedAt)
	}
	generations, stop := live.Subscribe()
	defer stop()
	notes.be(false)
	clock.pass(time.Minute)
	for known := false; !known; {
		select {
		case g = <-generations:
		case <-t.Context().Done():
			t.Fatal("it was not asked again")
		}
		known = true
		for p := range g.Snapshot.Plugins {
			known = known && !p.Versions[0].PublishedAt.IsZero()
		}
	}
	notes.be(true)
	clock.pass(time.Minute)
	if _, err := in.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, _ = live.Current().Snapshot.Plugin(mustName(t, "acme/first")); p.Versions[0].PublishedAt.IsZero() {
		t.Error("what was known is forgotten")
	}
}

// A register that lost what it knew learns it again from the catalog that serves.
func TestALostRegisterLearnsFromTheCatalog(t *testing.T) {
	t.Parallel()
	m, notes, clock := newMemory(), new(register), at(1)
	d := m.publish("acme/hello", "1.0.0")
	in, _ := run(t, m, dating(notes, clock))
	notes.mu.Lock()
	clear(notes.noted)
	notes.mu.Unlock()
	clock.pass(time.Hour)
	if _, err := in.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	notes.mu.Lock()
	defer notes.mu.Unlock()
	if got := notes.noted[index.Arrival{Repository: "acme/hello", Digest: d.Digest}]; !got.Equal(at(1).at) {
		t.Errorf("noted %v", got)
	}
}
