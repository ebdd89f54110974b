package entitlement

import (
	"maps"
	"time"
)

// Ahead is how far a signed time may be ahead of a host's own clock and still be
// believed.
const Ahead = 24 * time.Hour

// A Watch is what a host remembers of time, so that turning its clock back revives
// nothing. The zero Watch has seen nothing. It is a value: what returns one
// changes none.
type Watch struct {
	// Floor is the highest signed time that was believed: it is not earlier than that.
	Floor time.Time `json:"floor,omitzero"`
	// Judged has how late it was for what was said of each plugin.
	Judged map[string]Judged `json:"judged,omitempty"`
}

// Judged is the latest time at which something that was said was judged. For that,
// and for what was said before it, time goes forward only.
type Judged struct {
	Said time.Time `json:"said"`
	Now  time.Time `json:"now"`
}

// Saw is w after a signed time: the issue of a desired state, or a timestamp of the
// catalog. One that is further ahead of the own clock than Ahead is no floor, since
// one stolen signature would then end a host for ever; suspect says so.
func (w Watch) Saw(signed, own time.Time) (next Watch, suspect bool) {
	if signed.After(own.Add(Ahead)) {
		return w, true
	}
	if signed.After(w.Floor) {
		w.Floor = signed.UTC()
	}
	return w, false
}

// At is what time it is for who trusts w more than the clock. signed is when what
// is judged was said. A clock that is behind by more than Ahead is suspect.
func (w Watch) At(signed, own time.Time) Instant {
	now := own
	for _, floor := range []time.Time{w.Floor, signed} {
		if floor.After(own.Add(Ahead)) {
			return Instant{Now: own.UTC(), Suspect: true}
		}
		if floor.After(now) {
			now = floor
		}
	}
	return Instant{Now: now.UTC()}
}

// Judge is Judge for a host: by the time that w knows. What has once ended for it
// does not run again before something newer was signed, whatever the clock says.
func (w Watch) Judge(s State, own, released time.Time) (Watch, Answer) {
	at := w.At(s.At, own)
	if at.Suspect {
		return w, Judge(s, at, released)
	}
	last, was := w.Judged[s.Plugin]
	if was && !s.At.After(last.Said) && last.Now.After(at.Now) {
		at.Now = last.Now
	}
	if !was || s.At.After(last.Said) {
		last.Said = s.At.UTC()
	}
	last.Now = at.Now
	all := maps.Clone(w.Judged)
	if all == nil {
		all = map[string]Judged{}
	}
	all[s.Plugin] = last
	w.Judged = all
	return w, Judge(s, at, released)
}
