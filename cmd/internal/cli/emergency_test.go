package cli

import (
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Who confirms or undoes an emergency is asked about what follows from it, and is
// asked nothing where the server refuses him.
func TestAStepOfAnEmergencyAsksAboutWhatFollows_E5(t *testing.T) {
	t.Parallel()
	grace := []string{"person:grace"}
	for name, row := range map[string]struct {
		e        index.Emergency
		step, me string
		want     string
	}{
		"a request that is taken up stops it here alone": {index.Emergency{State: index.EmergencyRequested, Approvers: 2}, "confirm", "person:ada",
			"nobody can pull it here from now on, until another person confirms it or a day is over"},
		"the second word stops it everywhere": {index.Emergency{State: index.EmergencyProposed, Approvers: 2, MayConfirm: grace}, "confirm", "person:grace",
			"what it names is stopped wherever it runs"},
		"who spoke already is refused":           {index.Emergency{State: index.EmergencyProposed, Approvers: 2, MayConfirm: grace}, "confirm", "person:ada", ""},
		"whom the server does not name is asked": {index.Emergency{State: index.EmergencyProposed, Approvers: 2}, "confirm", "", "what it names is stopped wherever it runs"},
		"one person's word where one is enough":  {index.Emergency{State: index.EmergencyProposed, Approvers: 1}, "confirm", "person:ada", "what it names is stopped wherever it runs"},
		"what is in force is not confirmed":      {index.Emergency{State: index.EmergencyInForce, Approvers: 2}, "confirm", "person:ada", ""},
		"the first word for its end": {index.Emergency{State: index.EmergencyInForce, Approvers: 2}, "undo", "person:ada",
			"you ask for its end: another person has to agree within a day, and then it can be pulled and run again"},
		"the second word for its end": {index.Emergency{State: index.EmergencyInForce, Approvers: 2, Undo: []index.Word{{By: "person:ada"}}}, "undo", "person:grace",
			"it can be pulled and run again"},
		"a proposal of one's own":    {index.Emergency{State: index.EmergencyProposed, Approvers: 2}, "undo", "person:ada", "it can be pulled and run again"},
		"a request of one's own":     {index.Emergency{State: index.EmergencyRequested, Approvers: 2}, "undo", "person:olga", "the request is taken back"},
		"what is over is not undone": {index.Emergency{State: index.EmergencyUndone, Approvers: 2}, "undo", "person:ada", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (emergencyResult{row.e}).follows(row.step, row.me); got != row.want {
				t.Errorf("it asks %q, expected %q", got, row.want)
			}
		})
	}
}
