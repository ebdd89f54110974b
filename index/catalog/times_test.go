package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

func january(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }

// claimed is what s holds without the times of any site, by what publishers say
// up to a time.
func claimed(s *Snapshot, asOf time.Time) *Snapshot {
	out := Empty()
	out.claims = boundAt(asOf)
	var all []Plugin
	for p := range s.Plugins {
		for i := range p.Versions {
			p.Versions[i].PublishedAt = time.Time{}
		}
		all = append(all, *p)
	}
	return out.With(all, nil)
}

// dated is a plugin with one version that says it was made at created, and came
// at published.
func dated(id string, created, published time.Time) Plugin {
	p := one(id)
	m := *p.Versions[0].Plugin
	p.Versions = slices.Clone(p.Versions)
	p.Versions[0].Plugin, p.Versions[0].PublishedAt = &m, published
	if !created.IsZero() {
		m.Created = &created
	}
	return p
}

var year2999 = time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)

// updated are the ids of an answer, page by page.
func updated(t *testing.T, s *Snapshot, limit int) string {
	t.Helper()
	var out []string
	for q := (Query{Sort: SortUpdated, Limit: limit}); ; {
		r, err := s.Query(q, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range r.Items {
			out = append(out, h.Plugin.ID.String())
		}
		if q.Cursor = r.NextCursor; q.Cursor == "" {
			return strings.Join(out, " ")
		}
	}
}

// C4: what came last is first, whatever it says of itself; ties go by name, and
// what came nobody knows when is last.
func TestTheOrderIsByWhatCameHereLast_C4(t *testing.T) {
	t.Parallel()
	several := dated("acme/several", january(1), january(2))
	newer := several.Versions[0]
	newer.Version, newer.Digest, newer.PublishedAt = version("9.0.0"), digestOf("newer"), january(8)
	waits, yanked := newer, newer
	waits.Version, waits.PublishedAt, waits.Pending = version("9.1.0"), january(9), []index.Reason{{Code: index.ReasonUnsigned}}
	yanked.Version, yanked.PublishedAt, yanked.Yanked = version("9.2.0"), january(9), &index.Yanked{}
	several.Versions = append(several.Versions, newer, waits, yanked)
	s := Empty().With([]Plugin{
		dated("acme/liar", year2999, january(3)), dated("acme/tie-b", january(1), january(5)), dated("acme/tie-a", january(9), january(5)),
		dated("acme/nobody-knows", year2999, time.Time{}), dated("acme/modest", time.Time{}, january(7)), several,
	}, nil)
	want := "acme/several acme/modest acme/tie-a acme/tie-b acme/liar acme/nobody-knows"
	for limit := 1; limit < 8; limit++ {
		if got := updated(t, s, limit); got != want {
			t.Errorf("by pages of %d: %s\nexpected %s", limit, got, want)
		}
	}
	p, _ := s.Plugin(name("acme/liar"))
	row, v := (RowEncoder{}).EncodeRow(Hit{Plugin: p, Version: &p.Versions[0]}, Fit{}), (RowEncoder{}).EncodeVersion(p, &p.Versions[0])
	if row.UpdatedAt == nil || !row.UpdatedAt.Equal(january(3)) || v.PublishedAt == nil || !v.PublishedAt.Equal(january(3)) || !v.CreatedAt.Equal(year2999) {
		t.Errorf("updated_at %v, published_at %v, created_at %v", row.UpdatedAt, v.PublishedAt, v.CreatedAt)
	}
	p, _ = s.Plugin(name("acme/nobody-knows"))
	if row := (RowEncoder{}).EncodeRow(Hit{Plugin: p, Version: &p.Versions[0]}, Fit{}); row.UpdatedAt != nil {
		t.Errorf("updated_at %v of what nobody knows", row.UpdatedAt)
	}
}

// C1: when something came is a fact of one site, so it is in no digest; C5: a
// time that becomes known is another generation all the same, and another order.
func TestTimesAreBesideTheDigest_C1_C5(t *testing.T) {
	t.Parallel()
	l := NewLive(LiveOptions{})
	before := swap(t, l, Empty().With([]Plugin{dated("acme/aa", january(1), january(2)), dated("acme/bb", january(1), time.Time{}), dated("acme/cc", january(1), january(1))}, nil))
	hidden := l.Visible(before, Visibility{Class: "some", Sees: func(id artifact.Name) bool { return id != name("acme/cc") }})
	first, err := before.Snapshot.Query(Query{Sort: SortUpdated, Limit: 1, Generation: before.Number}, nil)
	if err != nil {
		t.Fatal(err)
	}
	after := swap(t, l, before.Snapshot.With([]Plugin{dated("acme/bb", january(1), january(5))}, nil))
	if after.Number != before.Number+1 || after.Snapshot.Digest() != before.Snapshot.Digest() {
		t.Fatalf("generation %d with %s, before %d with %s", after.Number, after.Snapshot.Digest(), before.Number, before.Snapshot.Digest())
	}
	if got := updated(t, after.Snapshot, 2) + ", " + updated(t, before.Snapshot, 2); got != "acme/bb acme/aa acme/cc, acme/aa acme/cc acme/bb" {
		t.Errorf("order after and before: %s", got)
	}
	if same := swap(t, l, after.Snapshot.With([]Plugin{dated("acme/bb", january(1), january(5))}, nil)); same != after {
		t.Errorf("generation %d says what %d says", same.Number, after.Number)
	}
	next := l.Visible(after, Visibility{Class: "some", Sees: func(id artifact.Name) bool { return id != name("acme/cc") }})
	if got := updated(t, next.Snapshot, 2) + ", " + updated(t, hidden.Snapshot, 2); got != "acme/bb acme/aa, acme/aa acme/bb" {
		t.Errorf("of what a reader may see, after and before: %s", got)
	}
	moved := swap(t, l, after.Snapshot.With([]Plugin{dated("acme/aa", january(1), january(9))}, nil))
	if _, err := moved.Snapshot.Query(Query{Sort: SortUpdated, Limit: 1, Cursor: first.NextCursor}, nil); !errors.Is(err, ErrGenerationGone) {
		t.Errorf("a cursor whose row moved: %v", err)
	}
	held, err := l.At(before.Number)
	if err != nil {
		t.Fatal(err)
	}
	second, err := held.Snapshot.Query(Query{Sort: SortUpdated, Limit: 1, Cursor: first.NextCursor}, nil)
	if err != nil || len(second.Items) != 1 || second.Items[0].Plugin.ID.String() != "acme/cc" {
		t.Errorf("the second page of the generation before: %+v, %v", second.Items, err)
	}
}

// C1: a restart from the checkpoint has the same order; a checkpoint of before
// there were times has none.
func TestTheCheckpointKeepsTimes_C1(t *testing.T) {
	t.Parallel()
	s := Empty().With([]Plugin{dated("acme/aa", january(1), january(2).Add(time.Microsecond)), dated("acme/bb", january(1), time.Time{}), dated("acme/cc", year2999, january(3))}, nil)
	whole := saved(t, s)
	g, err := Load(bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if !g.Snapshot.same(s) || !s.same(g.Snapshot) || updated(t, g.Snapshot, 2) != "acme/cc acme/aa acme/bb" {
		t.Errorf("the order is %s", updated(t, g.Snapshot, 2))
	}
	beside := appendSection(nil, []byte("beside it"))
	timed := bytes.TrimSuffix(whole, beside)
	older, err := Load(bytes.NewReader(resummed(t, append([]byte(besidelessMagic), timed[len(checkpointMagic):]...))))
	if err != nil || !older.Snapshot.same(s) || older.Beside != nil {
		t.Errorf("of format 2: %+v, %v", older, err)
	}
	timeless := bytes.TrimSuffix(timed, appendTimes(nil, s))
	timeless = append([]byte(timelessMagic), timeless[len(checkpointMagic):]...)
	timeless = resummed(t, timeless)
	if g, err = Load(bytes.NewReader(timeless)); err != nil {
		t.Fatal(err)
	}
	if g.Snapshot.Digest() != s.Digest() || updated(t, g.Snapshot, 2) != "acme/aa acme/bb acme/cc" {
		t.Errorf("of format 1 the order is %s", updated(t, g.Snapshot, 2))
	}
	fewer := Empty().With([]Plugin{dated("acme/aa", january(1), january(2))}, nil)
	mixed := append(append(bytes.TrimSuffix(timed, appendTimes(nil, s)), appendTimes(nil, fewer)...), beside...)
	if _, err := Load(bytes.NewReader(mixed)); !errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("times of other plugins: %v", err)
	}
}

// C7: who has no site to ask goes by what publishers say, as far as it was not
// still to come when the catalog was made: nobody is first for ever.
func TestClaimsCountUpToTheCatalogsOwnTime_C7(t *testing.T) {
	t.Parallel()
	s := Empty().With([]Plugin{dated("acme/liar", year2999, time.Time{}), dated("acme/old", january(1), time.Time{}), dated("acme/new", january(3), time.Time{}),
		dated("acme/soon", january(5), time.Time{}), dated("acme/silent", time.Time{}, time.Time{})}, nil)
	held, err := Assemble(2, shardsOf(s, 2), january(4))
	if err != nil {
		t.Fatal(err)
	}
	if got := updated(t, held, 2); got != "acme/new acme/old acme/liar acme/silent acme/soon" {
		t.Errorf("the order is %s", got)
	}
	later, err := held.Replace(2, nil, january(6))
	if err != nil {
		t.Fatal(err)
	}
	if got := updated(t, later, 2); got != "acme/soon acme/new acme/old acme/liar acme/silent" {
		t.Errorf("later the order is %s", got)
	}
	p, _ := later.Plugin(name("acme/soon"))
	if v := (RowEncoder{}).EncodeVersion(p, &p.Versions[0]); v.PublishedAt != nil {
		t.Errorf("published_at %v, which no shard says", v.PublishedAt)
	}
	if got := updated(t, must(Assemble(2, shardsOf(s, 2), time.Time{})), 2); got != "acme/liar acme/new acme/old acme/silent acme/soon" {
		t.Errorf("without a bound the order is %s", got)
	}
}

func TestNotKnowingIsBeforeNoTime(t *testing.T) {
	t.Parallel()
	if timeless != math.MinInt64 {
		t.Fatal(timeless)
	}
	p := dated("acme/aa", time.Time{}, time.Unix(-1e9, 0))
	if got := timesOf(&p, 0); got.updated != -1e15 || fmt.Sprint(got.published) != "[-1000000000000000]" {
		t.Errorf("%+v", got)
	}
}
