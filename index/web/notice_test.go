package web

import (
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Each move of the API has a sentence on the page that shows it, and each state a word.
func TestEachMoveAndStateHasItsWords_L5(t *testing.T) {
	t.Parallel()
	for _, move := range []string{index.MoveDeprecate, index.MoveUndeprecate, index.MoveSuspend, index.MoveResume, index.MoveRemove, index.MoveRestore,
		index.MoveDelete, index.MoveYank, index.MoveUnyank} {
		if key := "move." + move; texts[key] == "" {
			t.Errorf("text/en.json has no %q", key)
		}
	}
	for _, state := range []string{"active", "deprecated", "suspended", "removed", "emergency-removed", "yanked", "blocked", "quarantined"} {
		if key := "state." + state; texts[key] == "" {
			t.Errorf("text/en.json has no %q", key)
		}
		if key := "kind." + state; texts[key] == "" && state != "active" {
			t.Errorf("text/en.json has no %q", key)
		}
	}
}

// The page of a version that was withdrawn says so, since when and why, and does not
// say that it waits for something.
func TestThePageOfAVersionSaysWhatBecameOfIt_E11(t *testing.T) {
	t.Parallel()
	waits := &index.Pending{Reasons: []index.Reason{{Code: index.ReasonUnsigned, Detail: "there is no signature"}}}
	stopped := &index.Pending{Reasons: []index.Reason{{Code: index.ReasonEmergency, Detail: "it must not run: since 2028-01-02"}}}
	deprecated := index.Notice{Kind: "deprecated", Detail: "the plugin is deprecated since 2028-01-02 by person:ada (superseded)", Move: &index.Move{}}
	for name, row := range map[string]struct {
		version index.Version
		notices []index.Notice
		says    []string
		waits   int
	}{
		"stopped in an emergency": {index.Version{State: index.VersionEmergencyRemoved, Pending: stopped},
			[]index.Notice{{Kind: "emergency-removed", Detail: "the version is emergency-removed since 2028-01-02 by person:ada (malware)", Standing: index.StandingStop}},
			[]string{"since 2028-01-02 by person:ada (malware)"}, 0},
		"yanked": {index.Version{State: index.VersionYanked}, []index.Notice{{Kind: "yanked", Detail: "the version was yanked on 2028-01-02 by person:ada: broken"}},
			[]string{"on 2028-01-02 by person:ada: broken"}, 0},
		"waiting": {index.Version{State: index.VersionActive, Pending: waits}, []index.Notice{{Kind: index.ReasonUnsigned, Detail: "the version is not listed: there is no signature"}},
			nil, 1},
		"waiting, of a deprecated plugin": {index.Version{State: index.VersionActive, Pending: waits},
			[]index.Notice{deprecated, {Kind: index.ReasonUnsigned, Detail: "the version is not listed: there is no signature"}},
			[]string{"since 2028-01-02 by person:ada (superseded)"}, 1},
		"of a deprecated plugin": {index.Version{State: index.VersionActive}, []index.Notice{deprecated}, []string{"since 2028-01-02 by person:ada (superseded)"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notices, reasons := noticesOf(index.VersionDetail{Version: row.version, Notices: row.notices})
			if len(notices) != len(row.says) || len(reasons) != row.waits {
				t.Fatalf("%d notices and %d reasons: %v %v", len(notices), len(reasons), notices, reasons)
			}
			for n, want := range row.says {
				if got := noticed(notices[n]); got != want {
					t.Errorf("it says %q, expected %q", got, want)
				}
			}
		})
	}
}
