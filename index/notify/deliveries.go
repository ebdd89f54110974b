package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

const (
	maxListed  = 100
	maxReplays = 1000
)

// Deliveries are those of a webhook of the caller that were tried, the newest
// first; a state or an event that is not "" filters.
func (s *Service) Deliveries(ctx context.Context, webhook, state, cursor string, limit int) (index.DeliveryPage, error) {
	out := index.DeliveryPage{Items: []index.Delivery{}}
	by, err := s.owner(ctx)
	if err != nil {
		return out, err
	}
	if _, err := s.own(ctx, by, webhook); err != nil {
		return out, err
	}
	if limit <= 0 || limit > maxListed {
		limit = maxListed
	}
	all, err := s.o.Deliveries.Deliveries(ctx, DeliveryQuery{Receiver: webhook, State: State(state), Before: cursor, Limit: limit})
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
	out.Type, out.Subject = string(e.Type), e.Subject()
	return out, err
}

// Delivery is one of a webhook of the caller, with its attempts.
func (s *Service) Delivery(ctx context.Context, webhook, id string) (index.DeliveryDetail, error) {
	d, err := s.delivery(ctx, webhook, id)
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

func (s *Service) delivery(ctx context.Context, webhook, id string) (Delivery, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return Delivery{}, err
	}
	if _, err := s.own(ctx, by, webhook); err != nil {
		return Delivery{}, err
	}
	d, err := s.o.Deliveries.Delivery(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && (d.Receiver != webhook || d.Attempts == 0) {
		return d, index.NewProblem(index.CodeNotFound, fmt.Sprintf("webhook %s has no delivery %.40q", webhook, id), "see them: oarlock webhook deliveries "+webhook)
	}
	return d, err
}

// ReplayDeliveries has deliveries of a webhook of the caller made again, with
// the ids that they had: those that are named, or all that are dead.
func (s *Service) ReplayDeliveries(ctx context.Context, webhook string, q index.ReplayRequest) (index.Replayed, error) {
	var all []Delivery
	for _, id := range q.Deliveries {
		d, err := s.delivery(ctx, webhook, id)
		if err != nil {
			return index.Replayed{}, err
		}
		if d.State == Waiting {
			return index.Replayed{}, index.NewProblem(index.CodeConflict, fmt.Sprintf("delivery %s has not ended: it is tried again by itself", id),
				"have a failing webhook called now: oarlock webhook test "+webhook)
		}
		all = append(all, d)
	}
	by, err := s.owner(ctx)
	if err == nil {
		_, err = s.own(ctx, by, webhook)
	}
	if err == nil && len(q.Deliveries) == 0 {
		all, err = s.o.Deliveries.Deliveries(ctx, DeliveryQuery{Receiver: webhook, State: Dead, Limit: maxReplays})
	}
	if err != nil || len(all) == 0 {
		return index.Replayed{}, err
	}
	err = s.change(ctx, by, nil, map[string]any{"webhook_replayed": webhook, "deliveries": len(all)}, func(ctx context.Context) error {
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
