package jobs

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// A Kind of job says how it is done.
type Kind struct {
	// Name is the Kind of its jobs.
	Name string
	// Do does a job once. It ends when its context does, before the lease. An
	// error has the job done again later: at the time of a *Later, never with
	// an error that is ErrGiveUp, else after Backoff.
	Do func(ctx context.Context, a Attempt) error
	// GiveUp is told of a job that is not tried again, in the transaction that
	// forgets it: here belongs the row for somebody to look at. Its error has
	// the job tried again. Nil for a kind that never gives up.
	GiveUp func(ctx context.Context, a Attempt, why error) error
	// Workers is how many jobs run at the same time, at least 1.
	Workers int
	// InOrder as in Ask.
	InOrder bool
	// Lease is how long one attempt may take.
	Lease time.Duration
	// Beat, if any, is for how long a lease is given at a time: it is renewed while the
	// attempt runs, and the attempt is cut where it cannot be. So nobody waits longer for a
	// process that was killed. The clocks of processes must agree to within half of it.
	Beat time.Duration
	// First is the pause after the first attempt; it doubles with each, up to
	// Longest, and is shortened by chance by up to a tenth, so that what failed
	// together does not come back together.
	First, Longest time.Duration
	// For is how long after it was asked for a job is still tried, when it has
	// GiveUp.
	For time.Duration
	// Asked, if any, wakes as Runner.Wake does: for who asks for jobs and knows
	// no Runner. It has room for one.
	Asked <-chan struct{}
	// Wakes are the kinds that a job of this one may ask for: they are woken
	// when it has ended.
	Wakes []string
}

// ErrGiveUp has a job not tried again.
var ErrGiveUp = errors.New("not to be tried again")

// A Later has a job tried again at a time, however many attempts there were.
type Later struct {
	At  time.Time
	Err error
}

func (l *Later) Error() string { return l.Err.Error() }
func (l *Later) Unwrap() error { return l.Err }

// next is when a job is tried again after a failure, and whether it is.
func (k *Kind) next(a Attempt, now time.Time, err error) (time.Time, bool) {
	at := now.Add(k.pause(a.Number))
	var later *Later
	if errors.As(err, &later) && later.At.After(now) {
		at = later.At
	}
	if k.GiveUp == nil {
		return at, true
	}
	return at, !errors.Is(err, ErrGiveUp) && !at.After(a.AskedAt.Add(k.For))
}

func (k *Kind) pause(attempts int) time.Duration {
	d := k.First
	for range attempts - 1 {
		if d *= 2; d >= k.Longest {
			d = k.Longest
			break
		}
	}
	return d - time.Duration(rand.Float64()*float64(d)/10) //nolint:gosec // no secret: it spreads attempts
}
