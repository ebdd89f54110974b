package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

const (
	maxListed  = 100
	maxReplays = 1000
)

// A told is a receiver of the caller, in the words by which he named it.
type told struct {
	by                 auth.Principal
	channel, receiver  string
	what, verb, replay string // "webhook wh_1", "oarlock webhook deliveries wh_1", and the note of a replay
}

// ofWebhook is what a webhook of the caller is told.
func (s *Service) ofWebhook(ctx context.Context, id string) (told, error) {
	by, err := s.owner(ctx)
	if err == nil {
		_, err = s.own(ctx, by, id)
	}
	return told{by, WebhookChannel, id, "webhook " + id, "oarlock webhook deliveries " + id, "webhook_replayed"}, err
}

// ofSubscription is what the receiver of a subscription of the caller is told, also
// because of his other subscriptions to the same.
func (s *Service) ofSubscription(ctx context.Context, id string) (told, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return told{}, err
	}
	sub, err := s.ownSubscription(ctx, by, id)
	return told{by, sub.Channel, sub.Receiver, "subscription " + id, "oarlock subscription deliveries " + id, "subscription_replayed"}, err
}

func (t told) query() DeliveryQuery {
	return DeliveryQuery{Owner: t.by.Name, Channel: t.channel, Receiver: t.receiver}
}

// Deliveries are those of a webhook of the caller that were tried, the newest
// first; a state that is not "" filters.
func (s *Service) Deliveries(ctx context.Context, webhook, state, cursor string, limit int) (index.DeliveryPage, error) {
	of, err := s.ofWebhook(ctx, webhook)
	if err != nil {
		return index.DeliveryPage{}, err
	}
	return s.deliveries(ctx, of, state, cursor, limit)
}

// SubscriptionDeliveries are those to the receiver of a subscription, as Deliveries.
func (s *Service) SubscriptionDeliveries(ctx context.Context, subscription, state, cursor string, limit int) (index.DeliveryPage, error) {
	of, err := s.ofSubscription(ctx, subscription)
	if err != nil {
		return index.DeliveryPage{}, err
	}
	return s.deliveries(ctx, of, state, cursor, limit)
}

func (s *Service) deliveries(ctx context.Context, of told, state, cursor string, limit int) (index.DeliveryPage, error) {
	out := index.DeliveryPage{Items: []index.Delivery{}}
	if limit <= 0 || limit > maxListed {
		limit = maxListed
	}
	q := of.query()
	q.State, q.Before, q.Limit = State(state), cursor, limit
	all, err := s.o.Deliveries.Deliveries(ctx, q)
	if errors.Is(err, artifact.ErrNotFound) {
		return out, index.NewProblem(index.CodeInvalid,
			fmt.Sprintf("cursor %.40q: expected next_cursor of an earlier page: deliveries are kept for 14 days", cursor),
			"begin anew, without a cursor: "+of.verb)
	}
	if err != nil {
		return out, err
	}
	for _, d := range all {
		one, err := s.shownDelivery(ctx, d)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, one)
	}
	if len(all) == limit {
		out.NextCursor = all[len(all)-1].ID
	}
	return out, nil
}

func (s *Service) shownDelivery(ctx context.Context, d Delivery) (index.Delivery, error) {
	out := index.Delivery{
		ID: d.ID, Event: d.Event, Subscription: d.Subscription, State: string(d.State), Attempts: d.Attempts, Status: d.Status, Answer: d.Answer, Reason: d.Reason,
		NotedAt: d.Asked, TriedAt: index.MomentOf(d.Tried),
	}
	if d.State == Waiting {
		out.NextAt = index.MomentOf(d.Next)
	}
	e, err := s.o.Events.Event(ctx, d.Event)
	if errors.Is(err, artifact.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	if d.Attempts == 0 { // it was never told, so its owner may not know of it
		if may, err := s.engine.may(ctx, Subscription{}, e); err != nil || !may {
			return out, err
		}
	}
	out.Type, out.Subject = string(e.Type), e.Subject()
	return out, nil
}

// Delivery is one of a webhook of the caller, with its attempts.
func (s *Service) Delivery(ctx context.Context, webhook, id string) (index.DeliveryDetail, error) {
	of, err := s.ofWebhook(ctx, webhook)
	if err != nil {
		return index.DeliveryDetail{}, err
	}
	return s.detail(ctx, of, id)
}

// SubscriptionDelivery is one to the receiver of a subscription, as Delivery.
func (s *Service) SubscriptionDelivery(ctx context.Context, subscription, id string) (index.DeliveryDetail, error) {
	of, err := s.ofSubscription(ctx, subscription)
	if err != nil {
		return index.DeliveryDetail{}, err
	}
	return s.detail(ctx, of, id)
}

func (s *Service) detail(ctx context.Context, of told, id string) (index.DeliveryDetail, error) {
	d, err := s.delivery(ctx, of, id)
	if err != nil {
		return index.DeliveryDetail{}, err
	}
	out := index.DeliveryDetail{Tries: []index.DeliveryAttempt{}}
	if out.Delivery, err = s.shownDelivery(ctx, d); err != nil {
		return out, err
	}
	tries, err := s.o.Attempts.Attempts(ctx, d.ID, maxListed)
	for _, a := range tries {
		out.Tries = append(out.Tries, index.DeliveryAttempt{
			Number: a.Number, At: a.At, TookMS: a.Took.Milliseconds(), Status: a.Status, Answer: a.Answer, Reason: a.Reason,
		})
	}
	return out, err
}

// has reports whether d is one of these, and was tried or ended.
func (t told) has(d Delivery) bool {
	return d.Owner == t.by.Name && d.Channel == t.channel && d.Receiver == t.receiver && !d.Tried.IsZero()
}

func (s *Service) delivery(ctx context.Context, of told, id string) (Delivery, error) {
	d, err := s.o.Deliveries.Delivery(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && !of.has(d) {
		return d, index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s has no delivery %.40q", of.what, id), "see them: "+of.verb)
	}
	return d, err
}

// ReplayDeliveries has deliveries of a webhook of the caller made again, with
// the ids that they had: those that are named, or all that are dead.
func (s *Service) ReplayDeliveries(ctx context.Context, webhook string, q index.ReplayRequest) (index.Replayed, error) {
	of, err := s.ofWebhook(ctx, webhook)
	if err != nil {
		return index.Replayed{}, err
	}
	return s.replay(ctx, of, webhook, q)
}

// ReplaySubscription is ReplayDeliveries of those to the receiver of a subscription.
func (s *Service) ReplaySubscription(ctx context.Context, subscription string, q index.ReplayRequest) (index.Replayed, error) {
	of, err := s.ofSubscription(ctx, subscription)
	if err != nil {
		return index.Replayed{}, err
	}
	return s.replay(ctx, of, subscription, q)
}

func (s *Service) replay(ctx context.Context, of told, id string, q index.ReplayRequest) (index.Replayed, error) {
	var all []Delivery
	for _, id := range q.Deliveries {
		d, err := s.delivery(ctx, of, id)
		if err != nil {
			return index.Replayed{}, err
		}
		if d.State == Waiting {
			return index.Replayed{}, index.NewProblem(index.CodeConflict, fmt.Sprintf("delivery %s has not ended: it is tried again by itself", id),
				"have a failing webhook called now: oarlock webhook test ID")
		}
		if !slices.ContainsFunc(all, func(o Delivery) bool { return o.ID == d.ID }) {
			all = append(all, d)
		}
	}
	if len(q.Deliveries) == 0 {
		dead := of.query()
		dead.State, dead.Limit = Dead, maxReplays
		var err error
		if all, err = s.o.Deliveries.Deliveries(ctx, dead); err != nil || len(all) == 0 {
			return index.Replayed{}, err
		}
	}
	err := s.change(ctx, of.by, nil, map[string]any{of.replay: id, "deliveries": len(all)}, func(ctx context.Context) error {
		for i := range all {
			all[i].State, all[i].Next = Waiting, s.now()
			if err := s.o.Deliveries.ChangeDelivery(ctx, all[i]); err != nil {
				return err
			}
		}
		return s.engine.enqueue(ctx, all...)
	})
	if err != nil {
		return index.Replayed{}, err
	}
	return index.Replayed{Deliveries: len(all)}, nil
}
