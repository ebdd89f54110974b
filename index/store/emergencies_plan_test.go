package store

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves K6: no list of emergencies reads all that there ever were. PostgreSQL was asked by
// hand with 100,000 rows.
func TestListsOfEmergenciesHaveAnIndex_K6(t *testing.T) {
	t.Parallel()
	s := open(t, "sqlite://"+filepath.Join(t.TempDir(), "x.db"))
	last := &emergencyRow{ID: "k3v9w2m7q4x1", CreatedAt: micro(noon)}
	for name, c := range map[string]struct {
		plugin string
		states []index.EmergencyState
		last   *emergencyRow
		index  string
	}{
		"all":                  {index: "emergencies_created"},
		"all, a page after":    {last: last, index: "emergencies_created (created_at<?)"},
		"of a state":           {states: []index.EmergencyState{index.EmergencyProposed}, index: "emergencies_state"},
		"of a plugin":          {plugin: "acme/hello", index: "emergencies_plugin"},
		"of a plugin, by page": {plugin: "acme/hello", states: []index.EmergencyState{index.EmergencyInForce}, last: last, index: "emergencies_"},
	} {
		plan := planOfQuery(t, s, s.emergencyQuery(t.Context(), new([]emergencyRow), c.plugin, c.states, c.last, 100))
		if !strings.Contains(plan, c.index) || strings.Contains(plan, "SCAN") && !strings.Contains(plan, "USING INDEX") {
			t.Errorf("%s: expected the index %q: %s", name, c.index, plan)
		}
	}
}
