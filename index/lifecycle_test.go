package index

import (
	"slices"
	"testing"
)

// Proves E6: nobody is told of a move that only says again what is in force, but for who
// may make it; a move of other versions stays.
func TestWhatIsInForceIsNotOfferedAgainToOthers_E6(t *testing.T) {
	t.Parallel()
	owners, admins := []string{"owner", "maintainer", "admin"}, []string{"admin"}
	for what, row := range map[string]struct {
		all  []Choice
		want []string
	}{
		"owners deprecated it, to an owner": {[]Choice{{Move: MoveDeprecate, By: admins, Legal: true}, {Move: MoveUndeprecate, By: owners, Legal: true, May: true},
			{Move: MoveSuspend, By: owners, Legal: true, May: true}, {Move: MoveResume, By: owners}}, []string{MoveUndeprecate, MoveSuspend}},
		"owners deprecated it, to an admin": {[]Choice{{Move: MoveDeprecate, By: admins, Legal: true, May: true}, {Move: MoveUndeprecate, By: owners, Legal: true, May: true}},
			[]string{MoveDeprecate, MoveUndeprecate}},
		"an admin suspended it, to an owner": {[]Choice{{Move: MoveSuspend, By: owners}, {Move: MoveResume, By: admins, Legal: true}}, []string{MoveResume}},
		"one of two versions is yanked, to anybody": {[]Choice{{Move: MoveYank, By: owners, Legal: true}, {Move: MoveUnyank, By: owners, Legal: true}},
			[]string{MoveYank, MoveUnyank}},
		"the only version is yanked, to anybody": {[]Choice{{Move: MoveYank, By: admins, Legal: true}, {Move: MoveUnyank, By: owners, Legal: true}}, []string{MoveUnyank}},
	} {
		var got []string
		for _, c := range Offered(row.all) {
			got = append(got, c.Move)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %v, expected %v", what, got, row.want)
		}
	}
}
