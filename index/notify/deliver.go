package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
)

// How a delivery ended, as metrics say it.
const (
	outcomeDelivered = "delivered"
	outcomeDead      = "dead"
	outcomeWithheld  = "withheld"
	outcomeEnded     = "ended"
)

// deliver makes one attempt of the delivery that a job names.
func (e *Engine) deliver(ctx context.Context, c Channel, l Lane, a jobs.Attempt) error {
	d, err := e.o.Deliveries.Delivery(ctx, string(a.Payload))
	if errors.Is(err, artifact.ErrNotFound) || err == nil && d.State != Waiting {
		return nil // its subscription was removed, or it was made by an attempt that never told
	}
	if err != nil {
		return err
	}
	m, why, err := e.message(ctx, d)
	if err != nil {
		return err
	}
	if why != "" {
		e.told.WithLabelValues(d.Channel, why).Inc()
		return e.o.Deliveries.RemoveDelivery(ctx, d.ID)
	}
	m.Lane = l.Name
	answer, err := c.Deliver(ctx, m)
	if answer.Held || ctx.Err() != nil && errors.Is(err, context.Canceled) { // or this server stops
		return err
	}
	return e.ended(ctx, d, answer, err)
}

// message is what d brings, or why it is not brought: its owner may not know of
// it, or somebody is gone.
func (e *Engine) message(ctx context.Context, d Delivery) (m Message, why string, err error) {
	event, err := e.o.Events.Event(ctx, d.Event)
	if errors.Is(err, artifact.ErrNotFound) {
		return m, outcomeEnded, nil
	}
	if err != nil {
		return m, "", err
	}
	s, err := e.o.Subscriptions.Subscription(ctx, d.Subscription)
	if errors.Is(err, artifact.ErrNotFound) {
		return m, outcomeEnded, nil
	}
	if err != nil {
		return m, "", err
	}
	as, err := e.o.Rights.Account(ctx, s.Owner)
	if errors.Is(err, artifact.ErrNotFound) {
		return m, outcomeEnded, nil
	}
	if err != nil {
		return m, "", err
	}
	asking := auth.With(ctx, as)
	switch may, err := e.may(asking, s, event); {
	case err != nil:
		return m, "", fmt.Errorf("whether %s may know of it: %w", s.Owner, err)
	case !may:
		return m, outcomeWithheld, nil
	}
	if event.Data, err = e.redact(asking, event.Data); err != nil {
		return m, "", err
	}
	m = Message{Event: event, Subscription: s, Delivery: d.ID, Attempt: d.Attempts + 1}
	m.Body, err = event.CloudEvent(e.o.Source)
	return m, "", err
}

// may reports whether the owner of a subscription, the principal of ctx, may
// know of an event now.
func (e *Engine) may(ctx context.Context, s Subscription, event Event) (bool, error) {
	if s.Scope == OfTenant {
		member, err := e.asksFor(ctx, s.About)
		if err != nil || !member {
			return false, err
		}
	}
	on := event.Plugin
	if on == "" {
		// Who may pull what is there may know whose it is and who signs for it.
		on = event.Publisher + "/" + event.Publisher
	}
	return e.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(on))
}

// asksFor reports whether the principal of ctx may be told of what a tenant has.
func (e *Engine) asksFor(ctx context.Context, tenant string) (bool, error) {
	member, err := e.o.Tenants.IsMember(ctx, tenant, auth.From(ctx).Name)
	if err != nil || member {
		return member, err
	}
	return e.o.Rights.Can(ctx, auth.SiteManage, auth.Site())
}

// redact takes from data the replacement that the principal of ctx may not pull.
func (e *Engine) redact(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	const replacement = "replacement"
	var data index.EventData
	if err := json.Unmarshal(raw, &data); err != nil {
		return nil, err
	}
	named, has := data.Details[replacement]
	if !has {
		return raw, nil
	}
	name, _ := named.(string)
	if id, err := artifact.ParseName(name); err == nil {
		may, err := e.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(id.String()))
		if err != nil || may {
			return raw, err
		}
	}
	delete(data.Details, replacement)
	return json.Marshal(data)
}

// keepWithin bounds how long it takes to keep how an attempt ended.
const keepWithin = 10 * time.Second

// ended keeps how an attempt ended, and gives why the delivery is not made.
func (e *Engine) ended(ctx context.Context, d Delivery, answer Answer, cause error) error {
	now := e.o.Clock.Now()
	d.Attempts++
	d.Tried, d.Next = now, now
	d.Status, d.Answer, d.Reason = answer.Status, first(answer.Text, AnswerBytes), ""
	switch {
	case cause == nil:
		d.State = Delivered
	case errors.Is(cause, ErrGone):
		d.State, d.Reason = Dead, reasonOf(cause)
	default:
		d.Reason, d.Next = reasonOf(cause), heldUntil(now, d.Attempts, cause)
	}
	// What the receiver took is kept though the server is stopping.
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	err := e.o.InTx(keeping, func(ctx context.Context) error {
		err := e.o.Attempts.AddAttempt(ctx, Attempt{
			Delivery: d.ID, Number: d.Attempts, At: now, Took: answer.Took, Status: d.Status, Answer: d.Answer, Reason: d.Reason,
		})
		if err != nil {
			return err
		}
		return e.o.Deliveries.ChangeDelivery(ctx, d)
	})
	switch {
	case err != nil:
		return fmt.Errorf("how it ended was not kept: %w", err)
	case d.State == Delivered:
		e.told.WithLabelValues(d.Channel, outcomeDelivered).Inc()
		e.took.WithLabelValues(d.Channel).Observe(now.Sub(d.Asked).Seconds())
		return nil
	case d.State == Dead:
		e.told.WithLabelValues(d.Channel, outcomeEnded).Inc()
		return nil
	case errors.Is(cause, jobs.ErrGiveUp):
		return cause
	}
	return &jobs.Later{At: d.Next, Err: cause}
}

// giveUp makes a delivery that is not tried again a dead letter.
func (e *Engine) giveUp(ctx context.Context, a jobs.Attempt, why error) error {
	d, err := e.o.Deliveries.Delivery(ctx, string(a.Payload))
	if errors.Is(err, artifact.ErrNotFound) || err == nil && d.State != Waiting {
		return nil
	}
	if err != nil {
		return err
	}
	d.State = Dead
	if d.Reason == "" {
		d.Reason = reasonOf(why)
	}
	if d.Tried.IsZero() {
		d.Tried = e.o.Clock.Now()
	}
	e.told.WithLabelValues(d.Channel, outcomeDead).Inc()
	return e.o.Deliveries.ChangeDelivery(ctx, d)
}

// reasonBytes is how much of a reason is kept.
const reasonBytes = 300

func reasonOf(err error) string { return first(err.Error(), reasonBytes) }

// first is the beginning of s, at most so many bytes of it, in UTF-8.
func first(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return toValid(s)
}
