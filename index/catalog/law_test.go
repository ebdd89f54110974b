package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"pgregory.net/rapid"
)

// history draws a chain of changes and gives the snapshot after them, with
// what it should hold. Between changes questions are asked, so that views are
// taken over from one snapshot to the next.
func history(t *rapid.T) (*Snapshot, map[artifact.Name]Plugin) {
	s, want := Empty(), map[artifact.Name]Plugin{}
	for range rapid.IntRange(1, 6).Draw(t, "steps") {
		changed := rapid.SliceOfN(rapid.Custom(drawPlugin), 0, 5).Draw(t, "changed")
		var removed []artifact.Name
		for _, id := range some(t, worldNames...) {
			removed = append(removed, name(id))
			delete(want, name(id))
		}
		for _, p := range changed {
			want[p.ID] = p
		}
		s = s.With(changed, removed)
		if rapid.Bool().Draw(t, "ask") {
			if _, err := s.Query(drawQuery(t), numbers{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, want
}

func rebuilt(want map[artifact.Name]Plugin) *Snapshot {
	var all []Plugin
	for _, p := range want { // in random order
		all = append(all, p)
	}
	return Empty().With(all, nil)
}

// show writes a result as text, so that two can be compared whole.
func show(r Result, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "total %d, more %v, error %v\n", r.Total, r.NextCursor != "", err)
	for _, h := range r.Items {
		fmt.Fprintf(&b, "%s %s %s %d\n", h.Plugin.ID, h.Version.Version, h.Version.Digest, h.Score)
	}
	fmt.Fprintln(&b, r.Facets)
	return b.String()
}

// C1: the digest and every answer depend on the content alone.
func TestIncrementalIsRebuild_C1(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, want := history(t)
		again := rebuilt(want)
		if s.Digest() != again.Digest() {
			t.Fatalf("digest %s, rebuilt %s", s.Digest(), again.Digest())
		}
		if s.Len() != len(want) || s.tree.count != again.tree.count {
			t.Fatalf("counts %+v, rebuilt %+v, wanted %d plugins", s.tree.count, again.tree.count, len(want))
		}
		for range 4 {
			q := drawQuery(t)
			if d := cmp.Diff(show(again.Query(q, numbers{})), show(s.Query(q, numbers{}))); d != "" {
				t.Fatalf("%+v (- rebuilt, + incremental):\n%s", q, d)
			}
		}
	})
}

// C2, C4: sets, indexes and cached views answer as the rules written down plainly.
func TestQueryAnswersAsTheRules_C2_C4(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, _ := history(t)
		for range 4 {
			q := drawQuery(t)
			if d := cmp.Diff(show(s.naive(q, numbers{})), show(s.Query(q, numbers{}))); d != "" {
				t.Fatalf("%+v (- rules, + query):\n%s", q, d)
			}
		}
	})
}

func TestRemovedPluginNeverResurrects(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, want := history(t)
		for _, id := range worldNames {
			_, is := s.Plugin(name(id))
			if _, should := want[name(id)]; is != should {
				t.Fatalf("%s: there %v, should be %v", id, is, should)
			}
		}
		for p := range s.Plugins {
			if _, should := want[p.ID]; !should {
				t.Fatalf("%s is among all plugins", p.ID)
			}
		}
		q := drawQuery(t)
		q.Limit = MaxLimit
		r, err := s.Query(q, numbers{})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range r.Items {
			// Who asks for a state is shown what no other list has.
			if p, ok := want[h.Plugin.ID]; !ok || len(q.States) == 0 && len(misfits(&p, h.Version, Fit{Prerelease: true})) > 0 {
				t.Fatalf("%s is in an answer, listed %v", h.Plugin.ID, ok)
			}
		}
	})
}

func ids(r Result) map[artifact.Name]bool {
	out := map[artifact.Name]bool{}
	for _, h := range r.Items {
		out[h.Plugin.ID] = true
	}
	return out
}

func TestFilterNeverAddsRows_C4(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, _ := history(t)
		q := drawQuery(t)
		q.Limit = MaxLimit
		wide := q
		wide.Categories, wide.Publishers, wide.Licenses, wide.Niches, wide.Tiers, wide.States, wide.Verified, wide.Source = nil, nil, nil, nil, nil, nil, nil, ""
		wide.Has, wide.Builders, wide.Signatures, wide.PublisherVerified = nil, nil, nil, nil
		if rapid.Bool().Draw(t, "textless") {
			wide.Text = ""
		}
		if rapid.Bool().Draw(t, "anyone") {
			wide.HostVersion = artifact.HostVersion{}
		}
		narrow, err := s.Query(q, numbers{})
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Query(wide, numbers{})
		if err != nil {
			t.Fatal(err)
		}
		for id := range ids(narrow) {
			if !ids(all)[id] {
				t.Fatalf("%s is in the answer to %+v and not to %+v", id, q, wide)
			}
		}
	})
}

// C4: the count beside a value is what choosing that value finds.
func TestFacetCountsAreWhatChoosingFinds_C4(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, _ := history(t)
		q := drawQuery(t)
		r, err := s.Query(q, numbers{})
		if err != nil {
			t.Fatal(err)
		}
		for facet, values := range r.Facets {
			for value, count := range values {
				chosen := choose(q, facet, value)
				if got, err := s.Query(chosen, numbers{}); err != nil || got.Total != count {
					t.Fatalf("%s %q: counted %d, found %d, error %v, in %+v", facet, value, count, got.Total, err, chosen)
				}
			}
		}
	})
}

func choose(q Query, facet, value string) Query {
	one, yes := []string{value}, value == "true"
	switch facet {
	case FacetCategory:
		q.Categories = one
	case FacetPublisher:
		q.Publishers = one
	case FacetLicense:
		q.Licenses = one
	case FacetNiche:
		q.Niches = one
	case FacetTier:
		q.Tiers = one
	case FacetState:
		q.States = one
	case FacetVerified:
		q.Verified = &yes
	case FacetSource:
		q.Source = value
	case FacetSignature:
		q.Signatures = one
	case FacetPublisherVerified:
		q.PublisherVerified = &yes
	case FacetPlatform:
		q.Platform = platformOf(value)
	case FacetChannel:
		q.Channel = value
	}
	return q
}

func TestPagingGivesEveryRowOnce_C4(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, _ := history(t)
		q := drawQuery(t)
		whole := q
		whole.Limit = MaxLimit
		all, err := s.Query(whole, numbers{})
		if err != nil {
			t.Fatal(err)
		}
		var paged Result
		for {
			r, err := s.Query(q, numbers{})
			if err != nil {
				t.Fatal(err)
			}
			paged.Total, paged.Facets = r.Total, r.Facets
			paged.Items = append(paged.Items, r.Items...)
			if q.Cursor = r.NextCursor; q.Cursor == "" {
				break
			}
			if n, err := CursorGeneration(q.Cursor); err != nil || n != 7 {
				t.Fatalf("cursor of generation %d, error %v", n, err)
			}
			q.Limit = rapid.IntRange(1, 4).Draw(t, "limit")
		}
		if d := cmp.Diff(show(all, nil), show(paged, nil)); d != "" {
			t.Fatalf("%+v (- at once, + paged):\n%s", q, d)
		}
		if all.Total != len(all.Items) {
			t.Fatalf("total %d, %d rows", all.Total, len(all.Items))
		}
	})
}

func TestFitsIsHavingNoMisfit_C9(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, f := drawPlugin(t), drawFit(t)
		for i := range p.Versions {
			v := &p.Versions[i]
			if why := misfits(&p, v, f); fits(&p, v, f) != (len(why) == 0) {
				t.Fatalf("%s %s for %+v: fits %v, reasons %v", p.ID, v.Version, f, fits(&p, v, f), why)
			}
		}
	})
}
