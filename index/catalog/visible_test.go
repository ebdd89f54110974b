package catalog

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/artifact"
	"pgregory.net/rapid"
)

// drawVisibility hides some plugins, or whole publishers.
func drawVisibility(t *rapid.T) Visibility {
	hidden := some(t, append([]string{"acme/", "oak-lab/"}, worldNames...)...)
	slices.Sort(hidden)
	if len(hidden) == 0 && rapid.Bool().Draw(t, "all") {
		return Everything()
	}
	return Visibility{Class: "without " + strings.Join(hidden, " "), Sees: func(id artifact.Name) bool {
		return !slices.ContainsFunc(hidden, func(h string) bool {
			return strings.HasPrefix(id.String()+" ", h) && (strings.HasSuffix(h, "/") || id.String() == h)
		})
	}}
}

// hide takes from world what by does not see, and its names from the rest.
func hide(world map[artifact.Name]Plugin, by Visibility) {
	maps.DeleteFunc(world, func(id artifact.Name, _ Plugin) bool { return !by.all && !by.Sees(id) })
	for id, p := range world {
		p.Moves = slices.Clone(p.Moves)
		for i, m := range p.Moves {
			if m.Replacement != "" && !by.all && !by.Sees(name(m.Replacement)) {
				p.Moves[i].Replacement = ""
			}
		}
		world[id] = p
	}
}

// sameAnswers compares everything that two snapshots can be asked.
func sameAnswers(t *rapid.T, want, got *Snapshot) {
	if want.Digest() != got.Digest() || want.Len() != got.Len() || want.Versions() != got.Versions() || want.Pending() != got.Pending() {
		t.Fatalf("digest and counts %s %+v, expected %s %+v", got.Digest(), got.tree.count, want.Digest(), want.tree.count)
	}
	names := func(s *Snapshot) (out []string) {
		for p := range s.Plugins {
			out = append(out, fmt.Sprint(p.ID, p.Moves))
		}
		return out
	}
	if d := cmp.Diff(names(want), names(got)); d != "" {
		t.Fatal(d)
	}
	for range 3 {
		q := drawQuery(t)
		if d := cmp.Diff(show(want.Query(q, numbers{})), show(got.Query(q, numbers{}))); d != "" {
			t.Fatalf("%+v (- without, + hidden):\n%s", q, d)
		}
		wide := q
		wide.Limit = 1
		first, err := got.Query(wide, numbers{})
		if err == nil && first.NextCursor != "" {
			wide.Cursor = first.NextCursor
			if d := cmp.Diff(show(want.Query(wide, numbers{})), show(got.Query(wide, numbers{}))); d != "" {
				t.Fatalf("second page of %+v:\n%s", wide, d)
			}
		}
	}
	f := drawFit(t)
	for _, text := range worldNames {
		id := name(text)
		wantWhy, wantErr := want.Why(id, f)
		gotWhy, gotErr := got.Why(id, f)
		if d := cmp.Diff(wantWhy, gotWhy); d != "" || fmt.Sprint(wantErr) != fmt.Sprint(gotErr) {
			t.Fatalf("why %s: %v, expected %v\n%s", id, gotErr, wantErr, d)
		}
		wantNew, _ := want.Newest(id, f)
		gotNew, _ := got.Newest(id, f)
		if (wantNew == nil) != (gotNew == nil) || wantNew != nil && wantNew.Digest != gotNew.Digest {
			t.Fatalf("newest of %s differs", id)
		}
	}
}

// I7: what a reader is told is what a catalog would tell that never held the
// plugins that he may not know of, whatever came and went in between.
func TestAReaderSeesACatalogWithoutWhatIsHidden_I7(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		live, s, want := NewLive(LiveOptions{Checks: []Check{}}), Empty(), map[artifact.Name]Plugin{}
		glances := []Visibility{drawVisibility(t), drawVisibility(t)}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			changed := rapid.SliceOfN(rapid.Custom(drawPlugin), 0, 5).Draw(t, "changed")
			var removed []artifact.Name
			for _, id := range some(t, worldNames...) {
				removed = append(removed, name(id))
				delete(want, name(id))
			}
			for _, p := range changed {
				want[p.ID] = p
			}
			if s = s.With(changed, removed); !likely(t, 3) {
				s = rebuilt(want) // other slots
			}
			g, err := live.Swap(s)
			if err != nil {
				t.Fatal(err)
			}
			for _, by := range glances {
				if !likely(t, 2) {
					continue // this class does not ask every time
				}
				visible := maps.Clone(want)
				hide(visible, by)
				sameAnswers(t, rebuilt(visible), live.Visible(g, by).Snapshot)
			}
		}
	})
}

// What is made from a part of the catalog holds that part alone.
func TestAPartIsChangedAndSavedAsAPart_I7(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, want := history(t)
		live := NewLive(LiveOptions{First: &Generation{Number: 3, Snapshot: s, At: time.Unix(0, 0)}})
		by := drawVisibility(t)
		part := live.Visible(live.Current(), by)
		hide(want, by)
		var buf bytes.Buffer
		if err := Save(&buf, part); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(&buf)
		if err != nil || loaded.Snapshot.Digest() != part.Snapshot.Digest() {
			t.Fatalf("saved and read again: %v", err)
		}
		p := drawPlugin(t)
		want[p.ID] = p
		sameAnswers(t, rebuilt(want), part.Snapshot.With([]Plugin{p}, nil))
	})
}

func TestAnsweringAReaderKeepsTheGeneration(t *testing.T) {
	t.Parallel()
	now := time.Unix(100, 0)
	live := NewLive(LiveOptions{Now: func() time.Time { return now }, Checks: []Check{}})
	two := []Plugin{{ID: name("acme/hello")}, {ID: name("oak-lab/lens")}}
	g, err := live.Swap(Empty().With(two, nil))
	if err != nil {
		t.Fatal(err)
	}
	by := Visibility{Class: "public", Sees: func(id artifact.Name) bool { return id.Publisher() == "acme" }}
	stamp := live.Visible(g, by).Stamp()
	if stamp.Generation != g.Number || stamp.CatalogDigest == g.Snapshot.Digest() {
		t.Errorf("stamp %+v of %d %s", stamp, g.Number, g.Snapshot.Digest())
	}
	if _, err := live.Swap(g.Snapshot.With(nil, []artifact.Name{name("oak-lab/lens")})); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	again, err := live.At(g.Number)
	if err != nil {
		t.Fatalf("what an answer named is not kept: %v", err)
	}
	if got := live.Visible(again, by).Stamp(); got != stamp {
		t.Errorf("asked again: %+v, expected %+v", got, stamp)
	}
}

// Proves I7: who forgot to say what a reader may know of shows him nothing.
func TestAVisibilityThatSaysNothingSeesNothing_I7(t *testing.T) {
	t.Parallel()
	live := NewLive(LiveOptions{First: &Generation{Number: 1, Snapshot: rebuilt(map[artifact.Name]Plugin{name("acme/hello"): {ID: name("acme/hello")}}), At: time.Unix(0, 0)}})
	for says, row := range map[string]struct {
		by   Visibility
		want int
	}{
		"the zero visibility": {Visibility{}, 0},
		"a class alone":       {Visibility{Class: "public"}, 0},
		"a class of no name":  {Visibility{Sees: func(artifact.Name) bool { return true }}, 0},
		"the class of all":    {Visibility{Class: "*"}, 0},
		"everything":          {Everything(), 1},
		"whoever sees it all": {Visibility{Class: "member", Sees: func(artifact.Name) bool { return true }}, 1},
	} {
		seen := 0
		for range live.Visible(live.Current(), row.by).Snapshot.Plugins {
			seen++
		}
		if seen != row.want {
			t.Errorf("%s: %d plugins are seen, expected %d", says, seen, row.want)
		}
	}
}
