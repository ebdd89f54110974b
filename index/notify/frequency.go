package notify

import (
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// A Frequency is how often a subscription is told. What is urgent is told at
// once, whatever it is.
type Frequency string

// The frequencies.
const (
	AtOnce Frequency = "at_once"
	Hourly Frequency = "hourly"
	Daily  Frequency = "daily"
)

// dailyAt is how long after midnight, UTC, a day's letter is sent.
const dailyAt = 6 * time.Hour

// ParseFrequency reads one; "" is AtOnce. Errors wrap artifact.ErrInvalid.
func ParseFrequency(s string) (Frequency, error) {
	switch f := Frequency(s); f {
	case "":
		return AtOnce, nil
	case AtOnce, Hourly, Daily:
		return f, nil
	}
	return "", fmt.Errorf("frequency %.40q: expected at_once, hourly or daily: %w", s, artifact.ErrInvalid)
}

// period is what an event that was noted at a time is told together with: from a
// time until another, at which they are told. It is none where it is told at once.
func (s Subscription) period(t Type, noted time.Time) (from, until time.Time, together bool) {
	noted = noted.UTC()
	switch {
	case t.Urgent():
	case s.Frequency == Hourly:
		from = noted.Truncate(time.Hour)
		return from, from.Add(time.Hour), true
	case s.Frequency == Daily:
		from = noted.Add(-dailyAt).Truncate(24 * time.Hour).Add(dailyAt)
		return from, from.Add(24 * time.Hour), true
	}
	return noted, noted, false
}
