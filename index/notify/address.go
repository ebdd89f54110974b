package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/jobs"
)

// page is how many subscriptions are addressed in one transaction.
const page = 500

// address keeps the events of a job and writes a delivery for each subscription
// that matches. Done again, it adds what is missing. One event that cannot be told now
// is tried again by itself, and the rest goes on.
func (e *Engine) address(ctx context.Context, a jobs.Attempt) error {
	for _, c := range e.changesOf(ctx, a) {
		err := e.addressOne(ctx, c)
		if err != nil && ctx.Err() == nil {
			err = e.keepApart(ctx, c, err)
		}
		if err != nil {
			return fmt.Errorf("event %s: %w", c.ID, err)
		}
	}
	return nil
}

func (e *Engine) addressOne(ctx context.Context, c Change) error {
	kept, err := e.keep(ctx, c)
	if errors.Is(err, errSaysNothing) {
		e.o.Log.ErrorContext(ctx, "notify: an event that says nothing is not told", "alert", true, "event", c.ID, "err", err)
		e.untold.Inc()
		return nil
	}
	if err != nil {
		return err
	}
	// Who subscribed twice to one receiver is told once, by the one that is told first.
	for _, frequency := range []Frequency{AtOnce, Hourly, Daily} {
		for after := ""; ; {
			n, last, err := e.addressPage(ctx, kept, frequency, after)
			if err != nil {
				return err
			}
			if n < page {
				break
			}
			after = last
		}
	}
	return nil
}

// errSaysNothing is of an event of which nothing could be told, whenever it is read.
var errSaysNothing = errors.New("it says nothing that can be told")

// keep reads what the change tells of, and keeps it.
func (e *Engine) keep(ctx context.Context, c Change) (Event, error) {
	if kept, err := e.o.Events.Event(ctx, c.ID); err == nil || !errors.Is(err, artifact.ErrNotFound) {
		return kept, err
	}
	var statement *index.LedgerStatement
	if c.Ledger != "" {
		s, err := e.o.Statements.Statement(ctx, c.Ledger, c.Sequence)
		if err != nil {
			return Event{}, fmt.Errorf("statement %d of %s: %w", c.Sequence, c.Ledger, err)
		}
		statement = &s
	}
	event, err := c.event(statement)
	if errors.Is(err, artifact.ErrInvalid) {
		return Event{}, fmt.Errorf("%w: %w", errSaysNothing, err)
	}
	if err == nil && statement != nil && (event.Type == EmergencyDeclared || event.Type == EmergencyUndone) {
		var names Stopped
		if names, err = e.o.Statements.Stopped(ctx, c.Ledger, *statement); err == nil {
			err = event.stops(names)
		}
	}
	if err != nil {
		return Event{}, err
	}
	return e.o.Events.AddEvent(ctx, event)
}

// addressPage writes the deliveries to the subscriptions of a frequency with an ID
// after one, and gives how many subscriptions there were and the last ID.
func (e *Engine) addressPage(ctx context.Context, event Event, frequency Frequency, after string) (n int, last string, err error) {
	err = e.o.InTx(ctx, func(ctx context.Context) error {
		all, err := e.o.Subscriptions.SubscriptionsTo(ctx, SubscriptionQuery{Event: event, Frequency: frequency, After: after, Limit: page})
		if err != nil || len(all) == 0 {
			return err
		}
		n, last = len(all), all[len(all)-1].ID
		var wanted []Delivery
		for _, s := range all {
			if s.tellsOf(event) {
				wanted = append(wanted, deliveryOf(event, s))
			}
		}
		fresh, err := e.o.Deliveries.AddDeliveries(ctx, wanted)
		if err != nil {
			return err
		}
		return e.enqueue(ctx, fresh...)
	})
	return n, last, err
}

// tellsOf reports whether a subscription that is about what e is about is told of
// it: what was subscribed to later is not told of what was before.
func (s Subscription) tellsOf(e Event) bool { return s.Wants(e.Type) && !s.CreatedAt.After(e.Noted) }

func deliveryOf(e Event, s Subscription) Delivery {
	sum := sha256.Sum256([]byte(strings.Join([]string{e.ID, s.Channel, s.Owner, s.Receiver}, "\x00")))
	d := Delivery{
		ID: "dl_" + hex.EncodeToString(sum[:12]), Event: e.ID, Subscription: s.ID, Owner: s.Owner, Channel: s.Channel, Receiver: s.Receiver,
		State: Waiting, Asked: e.Noted,
	}
	if _, until, together := s.period(e.Type, e.Noted); together {
		d.Next = until
	}
	return d
}

// enqueue asks for the jobs of deliveries, in the transaction of ctx.
func (e *Engine) enqueue(ctx context.Context, all ...Delivery) error {
	var out []jobs.Job
	lanes := map[string]string{}
	for _, d := range all {
		at := d.Channel + "\x00" + d.Receiver
		if _, known := lanes[at]; !known {
			lane, err := e.lane(ctx, d)
			if err != nil {
				return err
			}
			lanes[at] = lane
		}
		out = append(out, jobs.Job{Kind: lanes[at], Key: d.Receiver, Payload: []byte(d.ID), AskedAt: e.o.Clock.Now(), At: d.Next})
	}
	if len(out) == 0 {
		return nil
	}
	return e.o.Queue.Enqueue(ctx, out...)
}

// lane is that in which a delivery waits. A channel that only another release has
// does the jobs of its name, once a replica of that release runs.
func (e *Engine) lane(ctx context.Context, d Delivery) (string, error) {
	c, ok := e.channel(d.Channel)
	if !ok {
		return d.Channel, nil
	}
	lane, err := c.Lane(ctx, d.Receiver)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return "", err
	}
	return cmp.Or(lane, c.Name()), nil
}
