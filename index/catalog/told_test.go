package catalog

import (
	"slices"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Proves E12: what is in force for the plugin as a whole is said once, and no update is
// advised that the plugin's state refuses.
func TestNoticesAdviseWhatHelps_E12(t *testing.T) {
	t.Parallel()
	move := func(s index.PluginState) []index.Move {
		return []index.Move{{State: s, At: time.Date(2026, 1, 9, 0, 0, 0, 0, time.UTC), By: "person:ada", Reason: "malware"}}
	}
	stopped := Version{State: index.VersionEmergencyRemoved, Pending: []index.Reason{{Code: index.ReasonEmergency, Detail: index.MustNotRun + "since 2026-01-09"}}}
	yanked := Version{Yanked: &index.Yanked{Reason: "broken"}}
	for what, row := range map[string]struct {
		p       Plugin
		v       Version
		notices int
		advised []string // of the version's notice, where there is one
	}{
		"stopped by itself":          {Plugin{State: index.StateActive}, stopped, 1, []string{index.ActionUpdate, index.ActionUninstall}},
		"stopped with its plugin":    {Plugin{State: index.StateEmergencyRemoved, Moves: move(index.StateEmergencyRemoved)}, stopped, 1, nil},
		"yanked":                     {Plugin{State: index.StateActive}, yanked, 1, []string{index.ActionUpdate, index.ActionKeep}},
		"yanked, and suspended":      {Plugin{State: index.StateSuspended, Moves: move(index.StateSuspended)}, yanked, 2, []string{index.ActionAlternatives, index.ActionKeep}},
		"yanked, and deprecated":     {Plugin{State: index.StateDeprecated, Moves: move(index.StateDeprecated)}, yanked, 2, []string{index.ActionUpdate, index.ActionKeep}},
		"yanked, of one that is out": {Plugin{State: index.StateEmergencyRemoved, Moves: move(index.StateEmergencyRemoved)}, yanked, 2, []string{index.ActionAlternatives, index.ActionKeep}},
	} {
		row.v.Version, row.v.Digest, row.v.Plugin = version("1.0.0"), digestOf("v"), &artifact.Plugin{}
		row.p.Versions = []Version{row.v}
		got := row.p.Notices(&row.p.Versions[0])
		if len(got) != row.notices {
			t.Errorf("%s: %+v", what, got)
		}
		for _, n := range got {
			if n.Move == nil && !slices.Equal(n.Actions, row.advised) {
				t.Errorf("%s: advised %q, expected %q", what, n.Actions, row.advised)
			}
		}
	}
}
