package catalog

import (
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// byDigest knows of some digests since when they are public, by their first digit.
type byDigest struct{ size int64 }

func (b *byDigest) Published(_ artifact.Name, d digest.Digest) (time.Time, bool) {
	n := strings.IndexByte("0123456789abcdef", d.Encoded()[0])
	return worldNoon.Add(time.Duration(n-8) * time.Hour), n%5 != 0
}

func (b *byDigest) Size() int64 { return b.size }

var (
	worldNoon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	worldAges = []*Ages{NewAges(new(byDigest), Exemption{}), NewAges(new(byDigest), Exemption{Publishers: []string{"acme"}}), NewAges(new(byDigest), Exemption{SecurityFixes: true})}
)

// later knows a version only once it has grown.
type later struct {
	at    map[digest.Digest]time.Time
	grown int64
}

func (l *later) Published(_ artifact.Name, d digest.Digest) (time.Time, bool) {
	at, ok := l.at[d]
	return at, ok
}

func (l *later) Size() int64 { return l.grown }

// Proves D8: what is not known to be public for long enough is not chosen, an older
// version is; why says until when, and the same question finds it from then on. A
// security fix and a named publisher wait only where the site does not exempt them.
func TestOnlyWhatIsOldEnoughIsChosen_D8(t *testing.T) {
	t.Parallel()
	id := name("acme/hello")
	p := Plugin{ID: id}
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0"} {
		p.Versions = append(p.Versions, Version{Version: version(v), Digest: digestOf(id, v), Plugin: &artifact.Plugin{ID: id, Version: version(v)}})
	}
	p.Versions[1].Yanked = &index.Yanked{At: worldNoon, Reason: "vulnerability: it opens a door"}
	s := Empty().With([]Plugin{p}, nil)
	known := &later{at: map[digest.Digest]time.Time{digestOf(id, "1.0.0"): worldNoon.Add(-100 * time.Hour)}}
	at := func(now time.Time, x Exemption) string {
		f := Fit{Age: &Age{Least: 72 * time.Hour, Now: now, Grain: time.Minute, Ages: NewAges(known, x)}}
		r, err := s.Query(Query{Fit: f}, nil)
		if err != nil || len(r.Items) > 1 {
			t.Fatal(r, err)
		}
		newest, ok := s.Newest(id, f)
		if ok != (len(r.Items) == 1) || ok && newest.Version.Compare(r.Items[0].Version.Version) != 0 {
			t.Fatalf("the list says %v, the rules %v", r.Items, newest)
		}
		if !ok {
			return ""
		}
		return newest.Version.String()
	}
	if got := at(worldNoon, Exemption{}); got != "1.0.0" {
		t.Errorf("of what nobody knows since when it is public: %q", got)
	}
	known.at[digestOf(id, "1.2.0")], known.grown = worldNoon.Add(30*time.Second), 1
	for now, want := range map[time.Time]string{worldNoon.Add(72 * time.Hour): "1.0.0", worldNoon.Add(72*time.Hour + time.Minute): "1.2.0", worldNoon.Add(-29 * time.Hour): ""} {
		if got := at(now, Exemption{}); got != want {
			t.Errorf("at %s: %q, want %q", now, got, want)
		}
	}
	if got := at(worldNoon, Exemption{SecurityFixes: true}); got != "1.2.0" {
		t.Errorf("a security fix: %q", got)
	}
	if got := at(worldNoon, Exemption{Publishers: []string{"acme"}}); got != "1.2.0" {
		t.Errorf("of a publisher that is exempt: %q", got)
	}
	why, err := s.Why(id, Fit{Age: &Age{Least: 72 * time.Hour, Now: worldNoon, Grain: time.Minute, Ages: NewAges(known, Exemption{})}})
	if err != nil || len(why) != 3 || why[0].Included || !why[2].Included {
		t.Fatal(why, err)
	}
	r := why[0].Reasons[0]
	if r.Code != index.ReasonTooYoung || r.Until == nil || !r.Until.Equal(worldNoon.Add(72*time.Hour+time.Minute)) {
		t.Errorf("why: %+v", r)
	}
}

// Proves D8: what was not known is looked for again once more may be known, and what
// a malware yank calls for is no security fix.
func TestAgesFollowWhatIsKnown_D8(t *testing.T) {
	t.Parallel()
	id := name("acme/hello")
	newer, older := version("1.1.0"), version("1.0.0")
	s := Empty().With([]Plugin{{ID: id, Versions: []Version{{Version: newer, Digest: digestOf(id, "1.1.0"), Plugin: &artifact.Plugin{ID: id, Version: newer}},
		{Version: older, Digest: digestOf(id, "1.0.0"), Plugin: &artifact.Plugin{ID: id, Version: older}, Yanked: &index.Yanked{At: worldNoon, Reason: "malware"}}}}}, nil)
	known := &later{at: map[digest.Digest]time.Time{}}
	ages := NewAges(known, Exemption{SecurityFixes: true})
	found := func() int {
		r, err := s.Query(Query{Fit: Fit{Age: &Age{Least: time.Hour, Now: worldNoon, Ages: ages}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.Total
	}
	if n := found(); n != 0 {
		t.Errorf("%d found of which nothing is known", n)
	}
	known.at[digestOf(id, "1.1.0")], known.grown = worldNoon.Add(-2*time.Hour), 1
	if n := found(); n != 1 {
		t.Errorf("%d found once it was known", n)
	}
	if r, err := s.Query(Query{}, nil); err != nil || r.Total != 1 {
		t.Errorf("without an age: %d, %v", r.Total, err)
	}
}
