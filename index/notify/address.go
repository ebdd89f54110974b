package notify

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/jobs"
)

// page is how many subscriptions are addressed in one transaction.
const page = 500

// address keeps the events of a job and writes a delivery for each subscription
// that matches. Done again, it adds what is missing.
func (e *Engine) address(ctx context.Context, a jobs.Attempt) error {
	var changes []Change
	if err := json.Unmarshal(a.Payload, &changes); err != nil {
		e.o.Log.ErrorContext(ctx, "notify: an event that cannot be read is not told", "alert", true, "job", a.ID, "err", err)
		return nil
	}
	var failed []error
	for _, c := range changes {
		if err := e.addressOne(ctx, c); err != nil {
			failed = append(failed, fmt.Errorf("event %s: %w", c.ID, err))
		}
	}
	return errors.Join(failed...)
}

func (e *Engine) addressOne(ctx context.Context, c Change) error {
	kept, err := e.keep(ctx, c)
	if errors.Is(err, artifact.ErrInvalid) {
		e.o.Log.ErrorContext(ctx, "notify: an event that says nothing is not told", "alert", true, "event", c.ID, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	for after := ""; ; {
		n, last, err := e.addressPage(ctx, kept, after)
		if err != nil || n < page {
			return err
		}
		after = last
	}
}

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
	if err != nil {
		return Event{}, err
	}
	return e.o.Events.AddEvent(ctx, event)
}

// addressPage writes the deliveries to the subscriptions with an ID after one,
// and gives how many subscriptions there were and the last ID.
func (e *Engine) addressPage(ctx context.Context, event Event, after string) (n int, last string, err error) {
	err = e.o.InTx(ctx, func(ctx context.Context) error {
		all, err := e.o.Subscriptions.SubscriptionsTo(ctx, event, after, page)
		if err != nil || len(all) == 0 {
			return err
		}
		n, last = len(all), all[len(all)-1].ID
		var wanted []Delivery
		for _, s := range all {
			// What was subscribed to later is not told of what was before.
			if s.Wants(event.Type) && !s.CreatedAt.After(event.Noted) {
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

func deliveryOf(e Event, s Subscription) Delivery {
	sum := sha256.Sum256([]byte(e.ID + "\x00" + s.ID))
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
