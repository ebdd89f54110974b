package index

import (
	"cmp"
	"slices"
)

// A Standing is what the lifecycle says to an install of a version.
type Standing string

// The standings, from the one that allows most.
const (
	StandingOK            Standing = "ok"
	StandingWarn          Standing = "warn"           // it goes on, and there is something to know
	StandingUpdateBlocked Standing = "update_blocked" // it goes on, and takes no other version
	StandingStop          Standing = "stop"           // it must not run
)

// standings are all, from the one that allows most.
var standings = []Standing{StandingOK, StandingWarn, StandingUpdateBlocked, StandingStop}

// Known reports whether s is a standing. A word that is none says nothing about
// whether a version may run.
func (s Standing) Known() bool { return slices.Contains(standings, s) }

// Compare orders standings, the one that allows most first. A word that is none
// comes last.
func (s Standing) Compare(o Standing) int {
	place := func(x Standing) int {
		if at := slices.Index(standings, x); at >= 0 {
			return at
		}
		return len(standings)
	}
	return cmp.Compare(place(s), place(o))
}
