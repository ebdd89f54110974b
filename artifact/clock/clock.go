// Package clock is the time that a part of Oarlock goes by, as one type.
//
// A part takes a Clock and asks it for the time and for timers, so that a drill
// can shift the clock of a process (Offset), and a test can turn the hands
// itself (Hand) and needs no sleep for what takes days. Time that only bounds a
// wait for a network or a lock is not of this kind: it stays with contexts and
// the standard library.
package clock

import "time"

// A Clock tells the time and makes timers. The zero Clock is the system's.
type Clock struct {
	offset time.Duration
	hand   *Hand
}

// Offset is the system's clock, d ahead of it, or behind it where d is negative.
func Offset(d time.Duration) Clock { return Clock{offset: d} }

// Now is the time by c.
func (c Clock) Now() time.Time {
	if c.hand != nil {
		return c.hand.now()
	}
	if c.offset != 0 {
		return time.Now().Round(0).Add(c.offset) // without the monotonic reading, which knows no offset
	}
	return time.Now()
}

// Since is the time that has passed by c since t.
func (c Clock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// NewTimer sends the time on its channel, once, when d has passed by c. The
// caller stops it when it is no longer needed.
func (c Clock) NewTimer(d time.Duration) *Timer {
	if c.hand != nil {
		return c.hand.newTimer(d)
	}
	t := time.NewTimer(d)
	return &Timer{C: t.C, stop: t.Stop}
}

// A Timer is like time.Timer.
type Timer struct {
	// C receives the time once.
	C    <-chan time.Time
	stop func() bool
}

// Stop ends the timer; false where it had fired or was stopped before.
func (t *Timer) Stop() bool { return t.stop() }
