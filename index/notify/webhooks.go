package notify

import (
	"context"
	"encoding/json"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// Webhooks are those of the caller.
func (s *Service) Webhooks(ctx context.Context) ([]index.Webhook, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.o.Webhooks.Webhooks(ctx, by.Name)
	if err != nil {
		return nil, err
	}
	subscriptions, err := s.o.Subscriptions.Subscriptions(ctx, by.Name)
	if err != nil {
		return nil, err
	}
	out := make([]index.Webhook, len(all))
	for i, w := range all {
		out[i] = s.shown(w, subscriptions)
	}
	return out, nil
}

func (s *Service) shown(w Webhook, subscriptions []Subscription) index.Webhook {
	out := index.Webhook{ID: w.ID, URL: w.URL, State: "active", Failures: w.Failures, FailingSince: index.MomentOf(w.FailingSince),
		CreatedAt: w.CreatedAt, Subscriptions: []index.Subscription{}}
	switch {
	case !w.GoneAt.IsZero():
		out.State = "gone"
	case w.Failures > 0:
		out.State, out.NextAt = "failing", index.MomentOf(w.PausedUntil)
	}
	if s.o.Clock.Now().Before(w.OldUntil) {
		out.OldUntil = index.MomentOf(w.OldUntil)
	}
	for _, one := range subscriptions {
		if one.Channel == WebhookChannel && one.Receiver == w.ID {
			out.Subscriptions = append(out.Subscriptions, shownSubscription(one))
		}
	}
	return out
}

// CreateWebhook makes one with its first subscription, and shows its secret this
// once.
func (s *Service) CreateWebhook(ctx context.Context, q index.NewWebhook) (index.CreatedWebhook, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return index.CreatedWebhook{}, err
	}
	if err := s.checkURL(q.URL); err != nil {
		return index.CreatedWebhook{}, err
	}
	sub, err := s.subscription(ctx, by, q.SubscriptionScope)
	if err != nil {
		return index.CreatedWebhook{}, err
	}
	secret := newSecret()
	w := Webhook{ID: newID("wh_"), Owner: by.Name, URL: q.URL, CreatedAt: s.now()}
	w.Secret = s.o.Sealer.Seal(w.ID, secret)
	sub.Channel, sub.Receiver = WebhookChannel, w.ID
	out := index.CreatedWebhook{Webhook: s.shown(w, []Subscription{sub}), Secret: SecretText(secret)}
	err = s.change(ctx, by, nil, map[string]any{"webhook_added": out.Webhook}, func(ctx context.Context) error {
		if err := s.o.Webhooks.AddWebhook(ctx, w, MaxWebhooks); err != nil {
			return tooMany(err, "webhooks", MaxWebhooks)
		}
		return tooMany(s.o.Subscriptions.AddSubscription(ctx, sub, MaxSubscriptions), "subscriptions", MaxSubscriptions)
	})
	if err != nil {
		return index.CreatedWebhook{}, err
	}
	return out, nil
}

func (s *Service) now() time.Time { return s.o.Clock.Now().UTC().Truncate(time.Microsecond) }

// RemoveWebhook ends one, with its subscriptions and what waits for it.
func (s *Service) RemoveWebhook(ctx context.Context, id string) error {
	by, err := s.owner(ctx)
	if err != nil {
		return err
	}
	w, err := s.own(ctx, by, id)
	if err != nil {
		return err
	}
	return s.change(ctx, by, map[string]any{"webhook_removed": w.ID, "url": w.URL}, nil, func(ctx context.Context) error {
		return s.o.Webhooks.RemoveWebhook(ctx, id)
	})
}

// RotateWebhook gives one a new secret; the one before signs too for a day.
func (s *Service) RotateWebhook(ctx context.Context, id string) (index.CreatedWebhook, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return index.CreatedWebhook{}, err
	}
	w, err := s.own(ctx, by, id)
	if err != nil {
		return index.CreatedWebhook{}, err
	}
	secret, was := newSecret(), w.Secret
	w.OldSecret, w.OldUntil, w.Secret = was, s.now().Add(oldSecretFor), s.o.Sealer.Seal(w.ID, secret)
	err = s.change(ctx, by, nil, map[string]any{"webhook_rotated": w.ID, "old_secret_until": w.OldUntil}, func(ctx context.Context) error {
		return s.o.Webhooks.ChangeSecrets(ctx, w, was)
	})
	if err != nil {
		return index.CreatedWebhook{}, err
	}
	subscriptions, err := s.o.Subscriptions.Subscriptions(ctx, by.Name)
	return index.CreatedWebhook{Webhook: s.shown(w, subscriptions), Secret: SecretText(secret)}, err
}

// TestWebhook calls one now, and says what it answered. One that answers well is
// called again by what waits for it.
func (s *Service) TestWebhook(ctx context.Context, id string) (index.WebhookTest, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return index.WebhookTest{}, err
	}
	w, err := s.own(ctx, by, id)
	if err != nil {
		return index.WebhookTest{}, err
	}
	if err := s.tests.Take(by.Name, 1); err != nil {
		return index.WebhookTest{}, auth.Problem(err)
	}
	out := index.WebhookTest{Event: newID("test_")}
	if err := s.change(ctx, by, nil, map[string]any{"webhook_tested": w.ID, "event": out.Event}, func(context.Context) error { return nil }); err != nil {
		return index.WebhookTest{}, err
	}
	e := Event{ID: out.Event, Type: WebhookTested, At: s.now(), Publisher: w.ID}
	if e.Data, err = json.Marshal(index.EventData{Details: map[string]any{"webhook": w.ID}}); err != nil {
		return index.WebhookTest{}, err
	}
	body, err := e.CloudEvent(s.o.Source)
	if err != nil {
		return index.WebhookTest{}, err
	}
	answer, err := s.o.Caller.Test(ctx, w, e.ID, body)
	out.OK, out.Status, out.Answer, out.TookMS = err == nil, answer.Status, answer.Text, answer.Took.Milliseconds()
	if err != nil {
		out.Reason = reasonOf(err)
	}
	return out, ctx.Err()
}
