package emergency

import (
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
)

// Proves E5: a word for the end of an emergency that is older than a day counts no more,
// so that nobody is told of it, and who is asked is who could begin again.
func TestAnUndoWordThatCountsNoMoreIsNotShown_E5(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		state index.EmergencyState
		age   time.Duration
		shown bool
	}{
		"of the last day":       {index.EmergencyInForce, undoFor, true},
		"older":                 {index.EmergencyInForce, undoFor + time.Second, false},
		"older, of a proposal":  {index.EmergencyProposed, undoFor + time.Second, false},
		"older, and it is over": {index.EmergencyUndone, undoFor + time.Second, true},
	} {
		r := Record{ID: "one", Plugin: "acme/hello", State: row.state, Body: Body{
			Words: []index.Word{word("ada"), word("grace")}, Undo: []index.Word{{By: "person:ada", At: noon.Add(-row.age)}},
			UndoReason: "maintenance", UndoText: "a false alarm"}}
		got, err := crowdOf("ada", "grace", "bob").service().answer(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if shown := len(got.Undo) == 1 && got.UndoReason != "" && got.UndoText != ""; shown != row.shown || len(got.Undo) == 0 && got.UndoText != "" {
			t.Errorf("%s: %+v", what, got)
		}
		others := map[bool]int{true: 2, false: 1}[row.shown] // besides ada, or besides ada and grace
		if !row.state.Over() && len(got.MayConfirm) != others {
			t.Errorf("%s: who could: %v", what, got.MayConfirm)
		}
	}
	alone := Record{ID: "two", Plugin: "acme/hello", State: index.EmergencyWithdrawn, Body: Body{UndoReason: "by_request", UndoText: "my mistake"}}
	if got := alone.told(2, noon); got.UndoText != "my mistake" {
		t.Errorf("what who took it back alone said is not shown: %+v", got)
	}
}
