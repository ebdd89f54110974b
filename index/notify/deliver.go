package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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

// deliver makes one attempt of the delivery that a job names, with those that
// are told together with it.
func (e *Engine) deliver(ctx context.Context, c Channel, l Lane, a jobs.Attempt) error {
	d, err := e.o.Deliveries.Delivery(ctx, string(a.Payload))
	if errors.Is(err, artifact.ErrNotFound) || err == nil && d.State != Waiting {
		return nil // its subscription was removed, or it was made by an attempt that never told
	}
	if err != nil {
		return err
	}
	all, due, err := e.together(ctx, d)
	if err != nil {
		return err
	}
	var m Message
	kept := all[:0]
	for _, d := range all {
		one, why, err := e.message(ctx, d)
		if err != nil {
			return err
		}
		if len(all) > 1 && one.Event.Type.Urgent() {
			continue // it is told alone
		}
		if why != "" {
			e.told.WithLabelValues(d.Channel, why).Inc()
			if err := e.o.Deliveries.RemoveDelivery(ctx, d.ID); err != nil {
				return err
			}
			continue
		}
		if kept = append(kept, d); len(kept) == 1 {
			m = one
		} else {
			m.Rest = append(m.Rest, one)
		}
	}
	if len(kept) == 0 {
		return nil
	}
	m.Lane = l.Name
	answer, err := c.Deliver(ctx, m)
	if answer.Held || ctx.Err() != nil && errors.Is(err, context.Canceled) { // or this server stops
		return err
	}
	return e.ended(ctx, kept, due, answer, err)
}

// atMost is how many events are told together.
const atMost = 200

// errTogether says that others of the same period were tried, and wait.
var errTogether = errors.New("it waits with the others of its period")

// together are a delivery and what its subscription is told together with it,
// the oldest first, and when they are due.
func (e *Engine) together(ctx context.Context, d Delivery) (all []Delivery, due time.Time, err error) {
	alone := []Delivery{d}
	event, err := e.o.Events.Event(ctx, d.Event)
	if errors.Is(err, artifact.ErrNotFound) {
		return alone, d.Asked, nil
	}
	if err != nil {
		return nil, due, err
	}
	subscribed, err := e.subscribed(ctx, d, event)
	if err != nil || len(subscribed) == 0 {
		return alone, d.Asked, err
	}
	from, until, together := subscribed[0].period(event.Type, d.Asked)
	if !together {
		return alone, d.Asked, nil
	}
	now := e.o.Clock.Now()
	if now.Before(d.Next) {
		return nil, due, &jobs.Later{At: d.Next, Err: errTogether}
	}
	others, err := e.o.Deliveries.Deliveries(ctx, DeliveryQuery{
		Subscription: d.Subscription, AskedFrom: from, AskedUntil: until, State: Waiting, Limit: atMost - 1,
	})
	for _, o := range others {
		if o.ID != d.ID && !now.Before(o.Next) {
			alone = append(alone, o)
		}
	}
	slices.SortStableFunc(alone, func(a, b Delivery) int { return a.Asked.Compare(b.Asked) })
	return alone, until, err
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
	subscribed, err := e.subscribed(ctx, d, event)
	if err != nil || len(subscribed) == 0 {
		return m, outcomeEnded, err
	}
	as, err := e.o.Rights.Account(ctx, d.Owner)
	if errors.Is(err, artifact.ErrNotFound) {
		return m, outcomeEnded, nil
	}
	if err != nil {
		return m, "", err
	}
	asking := auth.With(ctx, as)
	s, may, err := e.first(asking, subscribed, event)
	switch {
	case err != nil:
		return m, "", fmt.Errorf("whether %s may know of it: %w", d.Owner, err)
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

// subscribed are the subscriptions because of which d is told of an event: the one
// that it was made for, and the others of its owner to the same receiver. None is
// where all of them ended.
func (e *Engine) subscribed(ctx context.Context, d Delivery, event Event) ([]Subscription, error) {
	var out []Subscription
	switch own, err := e.o.Subscriptions.Subscription(ctx, d.Subscription); {
	case err == nil:
		out = append(out, own)
	case !errors.Is(err, artifact.ErrNotFound):
		return nil, err
	}
	others, err := e.o.Subscriptions.SubscriptionsTo(ctx, SubscriptionQuery{
		Event: event, Owner: d.Owner, Channel: d.Channel, Receiver: d.Receiver, Limit: MaxSubscriptions,
	})
	if err != nil {
		return nil, err
	}
	for _, o := range others {
		if o.ID != d.Subscription && o.tellsOf(event) {
			out = append(out, o)
		}
	}
	return out, nil
}

// first is the first of all by which the principal of ctx may know of an event.
func (e *Engine) first(ctx context.Context, all []Subscription, event Event) (Subscription, bool, error) {
	for _, s := range all {
		if may, err := e.may(ctx, s, event); err != nil || may {
			return s, may, err
		}
	}
	return Subscription{}, false, nil
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
	return e.mayKnow(ctx, event)
}

func (e *Engine) mayKnow(ctx context.Context, event Event) (bool, error) {
	on := event.Plugin
	if on == "" {
		// Who may pull what is there may know whose it is and who signs for it.
		on = event.Publisher + "/" + event.Publisher
	}
	if event.Type.Confidential() {
		return MayDecide(ctx, e.o.Rights, event.Plugin)
	}
	return e.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(on))
}

// MayDecide reports whether the principal of ctx may know of what is confidential of a
// plugin: who may declare an emergency of it, or owns it.
func MayDecide(ctx context.Context, rights Rights, plugin string) (bool, error) {
	on := auth.InRepository(plugin)
	for _, action := range []auth.Action{auth.PluginEmergency, auth.PluginLifecycle} {
		if may, err := rights.Can(ctx, action, on); err != nil || may {
			return may, err
		}
	}
	return rights.Can(ctx, auth.SiteManage, auth.Site()) // also where nobody has the namespace
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

// ended keeps how an attempt of deliveries that were due at a time ended, and
// gives why they are made again.
func (e *Engine) ended(ctx context.Context, all []Delivery, due time.Time, answer Answer, cause error) error {
	now := e.o.Clock.Now()
	// What the receiver took is kept though the server is stopping.
	keeping, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	err := e.o.InTx(keeping, func(ctx context.Context) error {
		for i, d := range all {
			all[i] = d.after(now, answer, cause)
			if err := e.keepAttempt(ctx, all[i], answer); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("how it ended was not kept: %w", err)
	}
	for _, d := range all {
		switch {
		case d.State == Delivered:
			e.told.WithLabelValues(d.Channel, outcomeDelivered).Inc()
			e.took.WithLabelValues(d.Channel).Observe(max(min(now.Sub(due), now.Sub(d.Asked)), 0).Seconds())
		case errors.Is(cause, jobs.ErrGiveUp):
			e.told.WithLabelValues(d.Channel, outcomeDead).Inc()
		case d.State == Dead:
			e.told.WithLabelValues(d.Channel, outcomeEnded).Inc()
		}
	}
	if d := all[0]; d.State == Waiting {
		return &jobs.Later{At: d.Next, Err: cause}
	}
	return nil
}

// after is the delivery after an attempt.
func (d Delivery) after(now time.Time, answer Answer, cause error) Delivery {
	d.Attempts++
	d.Tried, d.Next = now, now
	d.Status, d.Answer, d.Reason = answer.Status, first(answer.Text, AnswerBytes), ""
	switch {
	case cause == nil:
		d.State = Delivered
	case errors.Is(cause, ErrGone), errors.Is(cause, jobs.ErrGiveUp):
		d.State, d.Reason = Dead, reasonOf(cause)
	default:
		d.Reason, d.Next = reasonOf(cause), heldUntil(now, d.Attempts, cause)
	}
	return d
}

func (e *Engine) keepAttempt(ctx context.Context, d Delivery, answer Answer) error {
	err := e.o.Attempts.AddAttempt(ctx, Attempt{
		Delivery: d.ID, Number: d.Attempts, At: d.Tried, Took: answer.Took, Status: d.Status, Answer: d.Answer, Reason: d.Reason,
	})
	if err != nil {
		return err
	}
	return e.o.Deliveries.ChangeDelivery(ctx, d)
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
