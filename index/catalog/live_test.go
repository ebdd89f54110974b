package catalog

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// clock is a time that only the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func one(id string) Plugin {
	return Plugin{ID: name(id), Versions: []Version{{Version: version("1.0.0"), Digest: digestOf(id), Plugin: &artifact.Plugin{Title: "One"}}}}
}

func swap(t *testing.T, l *Live, s *Snapshot) *Generation {
	t.Helper()
	g, err := l.Swap(s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestReplacedGenerationAnswersForFiveMinutes_C5_C6(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1e9, 0)}
	l := NewLive(LiveOptions{Now: c.now})
	first := swap(t, l, Empty().With([]Plugin{one("acme/hello")}, nil))
	if first.Stamp().Generation != 1 {
		t.Fatal("an answer names generation 1")
	}
	second := swap(t, l, first.Snapshot.With([]Plugin{one("acme/other")}, nil))
	if first.Number != 1 || second.Number != 2 || l.Current() != second || !second.At.Equal(c.now()) {
		t.Fatalf("generations %d and %d, current %d", first.Number, second.Number, l.Current().Number)
	}
	c.forward(5*time.Minute - 1)
	if g, err := l.At(1); err != nil || g != first {
		t.Fatalf("within five minutes: %v, %v", g, err)
	}
	c.forward(1)
	if _, err := l.At(1); !errors.Is(err, ErrGenerationGone) || !errors.Is(err, artifact.ErrNotFound) {
		t.Fatalf("after five minutes: %v", err)
	}
	if _, err := l.At(3); errors.Is(err, ErrGenerationGone) || !errors.Is(err, artifact.ErrNotFound) {
		t.Fatalf("yet to come: %v", err)
	}
	if g, err := l.At(2); err != nil || g != second {
		t.Fatalf("current: %v, %v", g, err)
	}
}

func TestGenerationThatNoAnswerNamedIsDropped(t *testing.T) {
	t.Parallel()
	c := &clock{at: time.Unix(1e9, 0)}
	l := NewLive(LiveOptions{Now: c.now})
	s := Empty()
	for _, id := range []string{"acme/one", "acme/two", "acme/three"} {
		s = s.With([]Plugin{one(id)}, nil)
		if g := swap(t, l, s); id == "acme/two" {
			g.Stamp()
		}
	}
	if _, err := l.At(1); err != nil {
		t.Fatalf("an answer from it may still be on its way: %v", err)
	}
	c.forward(unnamed)
	if _, err := l.At(1); !errors.Is(err, ErrGenerationGone) {
		t.Errorf("generation 1 was never named: %v", err)
	}
	if _, err := l.At(2); err != nil {
		t.Errorf("generation 2 was named: %v", err)
	}
}

// Proves E12, E5 and C5: once a version is kept back, nobody chooses it by the number of a
// generation from before; other changes leave earlier generations as they are.
func TestNoEarlierGenerationGivesWhatIsKeptBack_E12_E5(t *testing.T) {
	t.Parallel()
	state := func(s index.PluginState) func(*Plugin) {
		return func(p *Plugin) { p.State, p.Moves = s, []index.Move{{State: s}} }
	}
	for title, c := range map[string]struct {
		change func(*Plugin)
		gone   bool
	}{
		"a version was blocked":           {func(p *Plugin) { p.Versions[0].State = index.VersionBlocked }, true},
		"a version is in quarantine":      {func(p *Plugin) { p.Versions[0].State = index.VersionQuarantined }, true},
		"an emergency is about a version": {func(p *Plugin) { p.Versions[0].State = index.VersionEmergencyRemoved }, true},
		"the plugin was suspended":        {state(index.StateSuspended), true},
		"the plugin was removed":          {state(index.StateRemoved), true},
		"the plugin was deleted":          {func(p *Plugin) { state(index.StateDeleted)(p); p.Versions = nil }, true},
		"the plugin was deprecated":       {state(index.StateDeprecated), false},
		"the version was yanked":          {func(p *Plugin) { p.Versions[0].State = index.VersionYanked }, false},
		"the readme is another":           {func(p *Plugin) { p.Versions[0].Plugin = &artifact.Plugin{Title: "Two"} }, false},
	} {
		l := NewLive(LiveOptions{})
		first := swap(t, l, Empty().With([]Plugin{one("acme/hello"), one("acme/other")}, nil))
		first.Stamp()
		p := one("acme/hello")
		c.change(&p)
		if g := swap(t, l, first.Snapshot.With([]Plugin{p}, nil)); g == first {
			t.Errorf("%s: it made no generation", title)
		}
		if _, err := l.At(first.Number); errors.Is(err, ErrGenerationGone) != c.gone {
			t.Errorf("%s: the generation before: %v", title, err)
		}
	}
}

func TestEqualDigestMakesNoGeneration_C5(t *testing.T) {
	t.Parallel()
	l := NewLive(LiveOptions{})
	if l.Current().Number != 0 {
		t.Fatalf("generation %d before the first swap", l.Current().Number)
	}
	if g := swap(t, l, Empty()); g.Number != 1 {
		t.Fatalf("an empty registry serves generation %d, expected 1", g.Number)
	}
	hello := Empty().With([]Plugin{one("acme/hello")}, nil)
	first := swap(t, l, hello)
	if g := swap(t, l, hello.With([]Plugin{one("acme/hello")}, nil)); g != first {
		t.Fatalf("equal content made generation %d", g.Number)
	}
}

func TestGenerationThatFailsItsChecksNeverServes_C5(t *testing.T) {
	t.Parallel()
	good := Empty().With([]Plugin{one("acme/hello"), one("acme/other")}, nil)
	damaged := func(change func(*Snapshot)) *Snapshot {
		s := good.With([]Plugin{one("acme/third")}, nil)
		change(s)
		return s
	}
	for name, c := range map[string]struct {
		next *Snapshot
		says string
	}{
		"a plugin vanished that nobody removed": {Empty().With([]Plugin{one("acme/hello")}, nil), `"acme/other" vanished`},
		"the digest is not that of the records": {damaged(func(s *Snapshot) { tree := *s.tree; tree.sum[0] ^= 1; s.tree = &tree }), "digest"},
		"a record is not what was filed": {damaged(func(s *Snapshot) {
			e := s.tree.get(name("acme/third"))
			e.record = e.record[:len(e.record)-1] + "x"
		}), `"acme/third"`},
		"the counts are off":                  {damaged(func(s *Snapshot) { tree := *s.tree; tree.count.versions++; s.tree = &tree }), "counts"},
		"text search lost its words":          {damaged(func(s *Snapshot) { s.text = new(vocabulary) }), "not found by its own id"},
		"the order of names lost its plugins": {damaged(func(s *Snapshot) { s.names = new(order) }), "query for all plugins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := NewLive(LiveOptions{})
			first := swap(t, l, good)
			events, stop := l.Subscribe()
			defer stop()
			g, err := l.Swap(c.next)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, expected %q", err, c.says)
			}
			if g != first || l.Current() != first || len(events) != 0 {
				t.Fatalf("generation %d serves", l.Current().Number)
			}
		})
	}
	l := NewLive(LiveOptions{})
	swap(t, l, good)
	swap(t, l, good.With(nil, []artifact.Name{name("acme/other")}))
}

func TestSubscriberGetsTheNewestGeneration(t *testing.T) {
	t.Parallel()
	l := NewLive(LiveOptions{})
	events, stop := l.Subscribe()
	s := Empty()
	for _, id := range []string{"acme/hello", "acme/other"} {
		s = s.With([]Plugin{one(id)}, nil)
		swap(t, l, s)
	}
	if g := <-events; g.Number != 2 {
		t.Fatalf("generation %d, expected the newest", g.Number)
	}
	stop()
	stop()
	if _, open := <-events; open {
		t.Fatal("a stopped subscription is open")
	}
	swap(t, l, s.With([]Plugin{one("acme/third")}, nil))
}

func TestReadersSeeWholeGenerations_C5(t *testing.T) {
	t.Parallel()
	l := NewLive(LiveOptions{})
	s := Empty().With([]Plugin{one("acme/first")}, nil)
	swap(t, l, s)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				g := l.Current()
				r, err := g.Snapshot.Query(Query{Text: "one", Facets: AllFacets}, nil)
				if err != nil || int64(r.Total) != g.Number {
					t.Errorf("generation %d finds %d plugins, error %v", g.Number, r.Total, err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for _, id := range worldNames[:6] {
		s = s.With([]Plugin{one(id)}, nil)
		swap(t, l, s)
	}
	close(stop)
	readers.Wait()
}
