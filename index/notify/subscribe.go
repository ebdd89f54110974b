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
	out := index.Subscription{ID: s.ID, Channel: s.Channel, Receiver: s.Receiver, State: "active", CreatedAt: s.CreatedAt}
	if s.Frequency != AtOnce {
		out.Frequency = string(s.Frequency)
	}
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

// shown is a subscription with how its receiver is.
func (s *Service) shownAs(ctx context.Context, sub Subscription) (index.Subscription, error) {
	out := shownSubscription(sub)
	if sub.Channel != EmailChannel {
		return out, nil
	}
	m, err := s.o.Mailboxes.o.Mailboxes.Mailbox(ctx, sub.Owner, sub.Receiver)
	switch {
	case err != nil && !errors.Is(err, artifact.ErrNotFound):
		return out, err
	case err != nil, m.ConfirmedAt.IsZero() && m.SuspendedAt.IsZero():
		out.State = "unconfirmed"
	case !m.SuspendedAt.IsZero():
		out.State, out.Reason = "suspended", m.Reason
	}
	return out, nil
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
		if out[i], err = s.shownAs(ctx, one); err != nil {
			return nil, err
		}
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
	if sub.Frequency, err = ParseFrequency(q.Frequency); err != nil {
		return index.Subscription{}, err
	}
	if sub.Frequency != AtOnce && sub.Channel != EmailChannel {
		return index.Subscription{}, fmt.Errorf("frequency %s: a %s is told of each event by itself: %w", sub.Frequency, sub.Channel, artifact.ErrInvalid)
	}
	to, err := s.channelOf(sub)
	if err != nil {
		return index.Subscription{}, err
	}
	var out index.Subscription
	return out, s.o.InTx(ctx, func(ctx context.Context) error {
		var err error
		if sub.Receiver, err = to.Accept(ctx, by.Name, sub.Receiver); err != nil {
			return err
		}
		if err := tooMany(s.o.Subscriptions.AddSubscription(ctx, sub, MaxSubscriptions), "subscriptions", MaxSubscriptions); err != nil {
			return err
		}
		if out, err = s.shownAs(ctx, sub); err != nil {
			return err
		}
		return s.note(ctx, by, nil, map[string]any{"subscription_added": out})
	})
}

func (s *Service) channelOf(sub Subscription) (Channel, error) {
	c, ok := s.engine.channel(sub.Channel)
	if ok {
		return c, nil
	}
	if sub.Channel == EmailChannel {
		return nil, index.NewProblem(index.CodeInvalid, "this site sends no e-mail", "ask its operator to set mail.host, or add a webhook: oarlock webhook add URL")
	}
	var names []string
	for _, one := range s.engine.channels {
		names = append(names, one.Name())
	}
	return nil, fmt.Errorf("channel %.40q: expected one of %v: %w", sub.Channel, names, artifact.ErrInvalid)
}

// ownSubscription gives a subscription of the caller.
func (s *Service) ownSubscription(ctx context.Context, by auth.Principal, id string) (Subscription, error) {
	sub, err := s.o.Subscriptions.Subscription(ctx, id)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && sub.Owner != by.Name {
		return sub, index.NewProblem(index.CodeNotFound, fmt.Sprintf("you have no subscription %.40q", id), "see yours: oarlock subscription list")
	}
	return sub, err
}

// ResendConfirmation has the letter sent again that asks to confirm the address of
// a subscription of the caller, also where the address was suspended.
func (s *Service) ResendConfirmation(ctx context.Context, id string) (index.Subscription, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return index.Subscription{}, err
	}
	sub, err := s.ownSubscription(ctx, by, id)
	if err != nil {
		return index.Subscription{}, err
	}
	if _, err := s.channelOf(sub); err != nil {
		return index.Subscription{}, err
	}
	out, err := s.shownAs(ctx, sub)
	if err != nil {
		return out, err
	}
	if out.State == "active" {
		return out, index.NewProblem(index.CodeConflict, "nothing is to be confirmed: the subscription "+sub.ID+" is told", "see yours: oarlock subscription list")
	}
	sent := false
	err = s.o.InTx(ctx, func(ctx context.Context) error {
		m, err := s.o.Mailboxes.o.Mailboxes.Mailbox(ctx, sub.Owner, sub.Receiver)
		if err == nil {
			sent, err = s.o.Mailboxes.ask(ctx, m)
		}
		if err != nil || !sent {
			return err
		}
		return s.note(ctx, by, nil, map[string]any{"confirmation_sent": sub.Receiver, "subscription": sub.ID})
	})
	if err == nil && !sent {
		err = enoughSent(sub.Receiver)
	}
	return out, err
}

// ConfirmAddress has letters sent to the address of a token, which the caller was
// asked for.
func (s *Service) ConfirmAddress(ctx context.Context, q index.MailToken) (index.ConfirmedAddress, error) {
	by, err := s.owner(ctx)
	if err != nil {
		return index.ConfirmedAddress{}, err
	}
	address, err := s.o.Mailboxes.Confirm(ctx, q.Token, by.Name, "")
	return index.ConfirmedAddress{Address: address}, err
}

// RemoveSubscription ends one, and what waits for it.
func (s *Service) RemoveSubscription(ctx context.Context, id string) error {
	by, err := s.owner(ctx)
	if err != nil {
		return err
	}
	sub, err := s.ownSubscription(ctx, by, id)
	if err != nil {
		return err
	}
	return s.change(ctx, by, map[string]any{"subscription_removed": shownSubscription(sub)}, nil, func(ctx context.Context) error {
		return s.o.Mailboxes.remove(ctx, sub)
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
		is, err := s.o.Tenants.HasTenant(ctx, sub.About)
		if err == nil && is {
			is, err = s.engine.asksFor(ctx, sub.About)
		}
		if err != nil || is {
			return err
		}
		return index.NewProblem(index.CodeNotFound, fmt.Sprintf("you ask for no tenant %.40q", sub.About), "ask an admin to make you a member of it")
	default:
		return nil
	}
	may, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(on))
	if err == nil && may && sub.Scope == OfPlugin {
		may, err = s.o.HasPlugin(ctx, sub.About)
	}
	if err != nil || may {
		return err
	}
	return index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s %.80q is not there, or not for you", sub.Scope, sub.About), "look for it: oarlock search")
}
