package emergency

import (
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
		"an earlier release wrote it down":               {index.EmergencyInForce, Body{ProposedAt: noon}, good, noon.Add(time.Second), noon.Add(deaf + good)},
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
