package catalog

import (
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Proves E4 and E12: a plugin that was deleted is in no search, and a list that asks for
// the state has its name and what was said, and nothing else.
func TestADeletedPluginIsListedByItsStateAlone_E4_E12(t *testing.T) {
	t.Parallel()
	at := time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC)
	gone := Plugin{ID: name("acme/gone"), State: index.StateDeleted, Versions: []Version{{Version: version("1.0.0"), Digest: digestOf("gone"), Plugin: &artifact.Plugin{}}},
		Moves: []index.Move{{State: index.StateDeleted, At: at, By: "person:eve", Reason: "legal"}}}
	stays := Plugin{ID: name("acme/stays"), State: index.StateActive, Versions: []Version{{Version: version("1.0.0"), Digest: digestOf("stays"), Plugin: &artifact.Plugin{}}}}
	s := Empty().With([]Plugin{gone, stays}, nil)
	before := s.Digest()
	if s.Len() != 2 || s.Present() != 1 || s.Versions() != 1 {
		t.Errorf("%d plugins, of which %d are present, with %d versions", s.Len(), s.Present(), s.Versions())
	}
	for _, next := range []*Snapshot{s.With(nil, []artifact.Name{gone.ID}), s.With([]Plugin{{ID: gone.ID, State: index.StateActive}}, []artifact.Name{stays.ID})} {
		if next.Len() != 1 || next.Present() != 1 {
			t.Errorf("after a change %d plugins, of which %d are present", next.Len(), next.Present())
		}
	}
	for _, row := range []struct {
		q    Query
		want int
	}{{Query{}, 1}, {Query{Text: "gone"}, 0}, {Query{States: []string{"removed"}}, 0}, {Query{States: []string{"Deleted"}}, 1}, {Query{States: []string{"deleted"}, Text: "gone"}, 1},
		{Query{States: []string{"deleted", "active"}, Sort: SortUpdated}, 2}, {Query{States: []string{"deleted"}, Publishers: []string{"other"}}, 0}} {
		if got, err := s.Query(row.q, nil); err != nil || got.Total != row.want {
			t.Errorf("%+v: %+v, %v, expected %d", row.q, got, err, row.want)
		}
	}
	found, err := s.Query(Query{States: []string{"deleted"}}, nil)
	if err != nil || len(found.Items) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	row := RowEncoder{Host: "r.example"}.EncodeRow(found.Items[0], Fit{})
	if row.ID != "acme/gone" || row.Name != "gone" || row.State != index.StateDeleted || row.Move == nil || row.Move.By != "person:eve" ||
		row.Version != "" || row.Digest != "" || row.Reference != "" || len(row.VersionsAvailable)+len(row.Platforms) != 0 {
		t.Errorf("row: %+v", row)
	}
	if p, _ := s.Plugin(gone.ID); len(p.Versions) != 1 || p.Gone() == nil || s.Digest() != before {
		t.Errorf("asking changed the catalog: %+v", p)
	}
}

// Proves E12: show answers a plugin of which every version was withdrawn by itself, and
// none of one of which nothing was listed yet.
func TestAPluginWhoseOnlyVersionIsWithdrawnIsShown_E12(t *testing.T) {
	t.Parallel()
	for state, with := range map[string]struct {
		v     Version
		shown bool
	}{
		"yanked":            {Version{Yanked: &index.Yanked{Reason: "broken"}}, true},
		"blocked":           {Version{State: index.VersionBlocked, Pending: []index.Reason{{Code: index.ReasonBlocked}}}, true},
		"quarantined":       {Version{State: index.VersionQuarantined, Pending: []index.Reason{{Code: index.ReasonQuarantined}}}, true},
		"emergency-removed": {Version{Pending: []index.Reason{{Code: index.ReasonEmergency}}}, true},
		"waits":             {Version{Pending: []index.Reason{{Code: index.ReasonUnsigned}}}, false},
	} {
		with.v.Version, with.v.Digest = version("1.0.0"), digestOf(state)
		p := Plugin{ID: name("acme/only"), State: index.StateActive, Versions: []Version{with.v}}
		if v, ok := p.Shown(Fit{}); ok != with.shown || ok && v.Version.String() != "1.0.0" {
			t.Errorf("%s: shown %v, %v", state, v, ok)
		}
	}
}
