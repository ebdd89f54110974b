package emergency

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
)

// Proves E5: an answer names until when a URL works that was handed out before the plugin
// was held, and never a moment before that; nothing of what is over, and nothing where
// nobody knows since when it is held.
func TestAnAnswerNamesUntilWhenURLsWork_E5(t *testing.T) {
	t.Parallel()
	const good = 2 * time.Minute
	for what, row := range map[string]struct {
		state index.EmergencyState
		body  Body
		urls  time.Duration
		now   time.Time
		want  time.Time
	}{
		"held a moment after it was proposed": {index.EmergencyProposed, Body{ProposedAt: noon, HeldAt: noon.Add(time.Second)}, good, noon.Add(2 * time.Second),
			noon.Add(time.Second + deaf + good)},
		"confirmed later": {index.EmergencyConfirmed, Body{ProposedAt: noon, HeldAt: noon.Add(time.Second)}, good, noon.Add(time.Minute),
			noon.Add(time.Second + deaf + good)},
		"in force":                                       {index.EmergencyInForce, Body{ProposedAt: noon, HeldAt: noon}, good, noon.Add(deaf + good - 1), noon.Add(deaf + good)},
		"all of them have ended":                         {index.EmergencyInForce, Body{ProposedAt: noon, HeldAt: noon}, good, noon.Add(deaf + good), time.Time{}},
		"it is not known to be held yet":                 {index.EmergencyProposed, Body{ProposedAt: noon}, good, noon.Add(time.Minute), noon.Add(time.Minute + deaf + good)},
		"it was confirmed before it could be held":       {index.EmergencyConfirmed, Body{ProposedAt: noon}, good, noon.Add(time.Hour), noon.Add(time.Hour + deaf + good)},
		"an earlier release wrote it down":               {index.EmergencyInForce, Body{ProposedAt: noon, Settled: true}, good, noon.Add(time.Second), noon.Add(deaf + good)},
		"another site's, which came by a mirror":         {index.EmergencyInForce, Body{ProposedAt: noon, Source: index.EmergencyOfMirror}, good, noon, time.Time{}},
		"it is over":                                     {index.EmergencyUndone, Body{ProposedAt: noon, HeldAt: noon}, good, noon, time.Time{}},
		"it is asked for":                                {index.EmergencyRequested, Body{}, good, noon, time.Time{}},
		"no blob is read from anywhere but the registry": {index.EmergencyInForce, Body{ProposedAt: noon, HeldAt: noon}, 0, noon, time.Time{}},
	} {
		s := New(Options{SignedURLs: row.urls})
		got := s.urlsUntil(Record{State: row.state, Body: row.body}, row.now)
		if (got == nil) != row.want.IsZero() || got != nil && !got.Equal(row.want) {
			t.Errorf("%s: %v, expected %v", what, got, row.want)
		}
	}
}

// TestURLsCountFromTheFirstHold_E11: the storage did not answer until another person had
// confirmed, and URLs were handed out meanwhile.
func TestURLsCountFromTheFirstHold_E11(t *testing.T) {
	h := houseOf(t)
	h.o.SignedURLs = 5 * time.Minute
	held := h.o.Holds
	h.o.Holds = awayHolds{}
	if _, err := h.Propose(as(t, "ada"), index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"}); err == nil {
		t.Error("what could not be held was answered as held")
	}
	h.hand.Advance(10 * time.Minute)
	h.o.Holds = held
	e, err := h.Confirm(as(t, "grace"), h.order[0])
	if want := h.hand.Clock().Now().Add(deaf + 5*time.Minute); err != nil || e.SignedURLsUntil == nil || !e.SignedURLsUntil.Equal(want) {
		t.Errorf("good until %v, expected %v: %v", e.SignedURLsUntil, want, err)
	}
}

// awayHolds is a storage that does not answer.
type awayHolds struct{}

var errAway = errors.New("the storage does not answer")

func (awayHolds) Hold(context.Context, Hold) error               { return errAway }
func (awayHolds) Held(context.Context, Hold) (Hold, bool, error) { return Hold{}, false, errAway }
func (awayHolds) Release(context.Context, Hold) error            { return errAway }
