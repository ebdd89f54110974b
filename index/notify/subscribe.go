package notify

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

func shownSubscription(s Subscription) index.Subscription {
	out := index.Subscription{ID: s.ID, Channel: s.Channel, Receiver: s.Receiver, CreatedAt: s.CreatedAt}
	for _, p := range s.Events {
		out.Events = append(out.Events, string(p))
	}
	switch s.Scope {
	case OfPublisher:
		out.Publisher = s.About
	case OfPlugin:
		out.Plugin = s.About
	case OfTenant:
		out.Tenant = s.About
	}
	return out
}

// Subscriptions are those of the caller.
func (s *Service) Subscriptions(ctx context.Context) ([]index.Subscription, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.o.Subscriptions.Subscriptions(ctx, by.Name)
	if err != nil {
		return nil, err
	}
	out := make([]index.Subscription, len(all))
	for i, one := range all {
		out[i] = shownSubscription(one)
	}
	return out, nil
}

// CreateSubscription makes one.
func (s *Service) CreateSubscription(ctx context.Context, q index.NewSubscription) (index.Subscription, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return index.Subscription{}, err
	}
	sub, err := s.subscription(ctx, by, q.SubscriptionScope)
	if err != nil {
		return index.Subscription{}, err
	}
	sub.Channel, sub.Receiver = q.Channel, q.Receiver
	if sub.Channel == "" {
		sub.Channel = WebhookChannel
	}
	if err := s.checkReceiver(ctx, by, sub); err != nil {
		return index.Subscription{}, err
	}
	out := shownSubscription(sub)
	return out, s.change(ctx, by, nil, map[string]any{"subscription_added": out}, func(ctx context.Context) error {
		return tooMany(s.o.Subscriptions.AddSubscription(ctx, sub, MaxSubscriptions), "subscriptions", MaxSubscriptions)
	})
}

func (s *Service) checkReceiver(ctx context.Context, by auth.Principal, sub Subscription) error {
	c, ok := s.engine.channel(sub.Channel)
	var names []string
	for _, one := range s.engine.channels {
		names = append(names, one.Name())
	}
	if !ok {
		return fmt.Errorf("channel %.40q: expected one of %v: %w", sub.Channel, names, artifact.ErrInvalid)
	}
	return c.CheckReceiver(ctx, by.Name, sub.Receiver)
}

// RemoveSubscription ends one, and what waits for it.
func (s *Service) RemoveSubscription(ctx context.Context, id string) error {
	by, err := s.owner(ctx)
	if err != nil {
		return err
	}
	sub, err := s.o.Subscriptions.Subscription(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && sub.Owner != by.Name {
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("you have no subscription %.40q", id), "see yours: oarlock subscription list")
	}
	if err != nil {
		return err
	}
	return s.change(ctx, by, map[string]any{"subscription_removed": shownSubscription(sub)}, nil, func(ctx context.Context) error {
		return s.o.Subscriptions.RemoveSubscription(ctx, id)
	})
}

// subscription is what q asks for, without its channel. What the caller may not
// know of is not found: whether it is there is not told.
func (s *Service) subscription(ctx context.Context, by auth.Principal, q index.SubscriptionScope) (Subscription, error) {
	sub := Subscription{ID: newID("sub_"), Owner: by.Name, Scope: OfEverything, CreatedAt: s.now()}
	var err error
	if sub.Events, err = ParsePatterns(q.Events); err != nil {
		return sub, err
	}
	named := 0
	for _, one := range []struct {
		scope Scope
		about string
	}{{OfPublisher, q.Publisher}, {OfPlugin, q.Plugin}, {OfTenant, q.Tenant}} {
		if one.about != "" {
			named++
			sub.Scope, sub.About = one.scope, one.about
		}
	}
	if named > 1 {
		return sub, fmt.Errorf("a subscription is about one publisher, one plugin, one tenant, or everything: %d were named: %w", named, artifact.ErrInvalid)
	}
	return sub, s.checkScope(ctx, sub)
}

func (s *Service) checkScope(ctx context.Context, sub Subscription) error {
	on := ""
	switch sub.Scope {
	case OfPublisher:
		if _, err := artifact.ParseName(sub.About + "/" + sub.About); err != nil {
			return fmt.Errorf("publisher %.80q: expected its name, such as acme: %w", sub.About, artifact.ErrInvalid)
		}
		on = sub.About + "/" + sub.About
	case OfPlugin:
		if _, err := artifact.ParseName(sub.About); err != nil {
			return err
		}
		on = sub.About
	case OfTenant:
		if may, err := s.engine.asksFor(ctx, sub.About); err != nil || may {
			return err
		}
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("you ask for no tenant %.40q", sub.About), "ask an admin to make you a member of it")
	default:
		return nil
	}
	may, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(on))
	if err != nil || may {
		return err
	}
	return index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s %.80q is not there, or not for you", sub.Scope, sub.About), "look for it: oarlock search")
}
