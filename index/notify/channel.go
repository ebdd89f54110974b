package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/jobs"
)

// A Channel is a way by which subscribers are told.
type Channel interface {
	// Name is the Channel of its subscriptions, and the kind of its jobs.
	Name() string
	// Accept makes a receiver ready for a subscription of an account, in the
	// transaction that adds this, and gives it as it is kept. It refuses one at
	// which the account may not be told; the error is for the account: an
	// *index.Problem, or of a kind of artifact.
	Accept(ctx context.Context, owner, receiver string) (string, error)
	// Lanes are the kinds of jobs that it works by; the first is its own.
	Lanes() []Lane
	// Lane is the name of the lane in which deliveries to a receiver wait.
	Lane(ctx context.Context, receiver string) (string, error)
	// Deliver tells one receiver of one event, or of those of one period, once. It
	// ends when ctx does. An
	// error has it done again: at the time of a *jobs.Later, else after a pause
	// that grows. One that is ErrGone ends the subscription's deliveries, and
	// one that is jobs.ErrGiveUp makes this one a dead letter.
	Deliver(ctx context.Context, m Message) (Answer, error)
}

// A Lane is one queue of a channel with workers of its own.
type Lane struct {
	Name    string
	Workers int
	// Lease is how long one delivery may take.
	Lease time.Duration
}

// A Message is one event on its way to one receiver.
type Message struct {
	Event        Event
	Subscription Subscription
	// Delivery is the id of the delivery, the same in each attempt, and Attempt
	// counts these, from 1.
	Delivery string
	Attempt  int
	// Lane is that in which it runs.
	Lane string
	// Body is Event.CloudEvent, without what the receiver may not know of; Event.Data
	// is without it too.
	Body []byte
	// Rest are the other events of the period, where the subscription is told of
	// them together.
	Rest []Message
}

// An Answer is what a receiver said.
type Answer struct {
	// Status is that of HTTP or SMTP, 0 where there was none.
	Status int
	// Text is the beginning of what was answered, at most AnswerBytes long.
	Text string
	// Took is how long it took.
	Took time.Duration
	// Held says that the receiver was not asked: this is no attempt.
	Held bool
}

// AnswerBytes is how much of an answer is kept.
const AnswerBytes = 256

// ErrTooMany says that an account has as many as it may have. It is of the kind
// artifact.ErrConflict.
var ErrTooMany = fmt.Errorf("no more are allowed: %w", artifact.ErrConflict)

// ErrGone says that the receiver wants no more.
var ErrGone = errors.New("the receiver wants no more")

// The pauses between the attempts of one delivery: FirstPause, twice as long
// after each attempt, and LongestPause at most, until GiveUpAfter.
const (
	FirstPause   = 5 * time.Second
	LongestPause = time.Hour
	GiveUpAfter  = 3 * 24 * time.Hour
)

// pause is how long it is waited after so many attempts that failed.
func pause(attempts int) time.Duration {
	d := FirstPause
	for range attempts - 1 {
		if d *= 2; d >= LongestPause {
			return LongestPause
		}
	}
	return d
}

// heldUntil is when a delivery that was not made is tried again.
func heldUntil(now time.Time, attempts int, err error) time.Time {
	at := now.Add(pause(attempts))
	var later *jobs.Later
	if errors.As(err, &later) && later.At.After(at) {
		at = later.At
	}
	return at
}
