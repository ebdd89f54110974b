package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/ledger"
)

// outboxTopic is what statements wait under.
const outboxTopic = "ledger"

// changed puts the statement about a change into the outbox, in the same
// transaction: it becomes true with the change.
func (a *accounts) changed(ctx context.Context, c auth.NamespaceChange) error {
	kind, body, err := a.statementOf(ctx, c)
	if err != nil {
		return fmt.Errorf("statement about %s: %w", c.Namespace, err)
	}
	return a.enqueue(ctx, c.Namespace, index.NewStatement{Kind: kind, Actor: c.By, ID: rand.Text(), Since: c.At}, body)
}

func (a *accounts) enqueue(ctx context.Context, publisher string, s index.NewStatement, body any) (err error) {
	if s.Ledger, err = format.OfPublisher(publisher); err != nil {
		return err
	}
	if s.Body, err = ledger.Object(body); err != nil {
		return err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return a.store.Enqueue(ctx, outboxTopic, raw, s.Since)
}

// statementOf says a change as its ledger does.
func (a *accounts) statementOf(ctx context.Context, c auth.NamespaceChange) (format.Kind, any, error) {
	switch c.Action {
	case auth.NamespaceClaim:
		if n, ok := c.After.(auth.NamespaceRecord); ok {
			return format.PublisherClaimed, format.Claimed{Owner: c.By, Private: !n.Public}, nil
		}
	case auth.NamespaceManage:
		if n, ok := c.After.(auth.NamespaceRecord); ok {
			return format.PublisherConfigured, format.Configured{Private: !n.Public, PublishingOff: n.PublishingOff}, nil
		}
	case auth.NamespaceClose:
		return format.PublisherClosed, format.Closed{}, nil
	case auth.MembersManage:
		if m, ok := c.After.(auth.MemberRecord); ok {
			return format.MemberSet, format.Member{Principal: m.Principal, Role: m.Role}, nil
		}
		if m, ok := c.Before.(auth.MemberRecord); ok {
			return format.MemberRemoved, format.Removed{Principal: m.Principal}, nil
		}
	case auth.NamespaceTransfer:
		before, ok := c.Before.([]auth.MemberRecord)
		if to, and := c.After.(auth.MemberRecord); ok && and {
			after, err := a.store.Members(ctx, c.Namespace)
			return format.PublisherTransferred, format.Transferred{To: to.Principal, From: gone(before, after)}, err
		}
	}
	return "", nil, fmt.Errorf("%s from %T to %T is no change that is known", c.Action, c.Before, c.After)
}

// gone are the owners before who are members no more.
func gone(before, after []auth.MemberRecord) []string {
	out := []string{}
	for _, m := range before {
		stays := slices.ContainsFunc(after, func(o auth.MemberRecord) bool { return o.Principal == m.Principal })
		if m.Role == string(auth.RoleOwner) && !stays {
			out = append(out, m.Principal)
		}
	}
	return out
}

// drain appends what waits in the outbox, in order. One replica does it at a
// time: order matters more than who is first, and so nothing is leased. What
// cannot be appended holds up what follows in the same ledger, and nothing else.
func (l *ledgers) drain(ctx context.Context) error {
	unlock, err := l.locker.Lock(ctx, "outbox/"+outboxTopic, false)
	if err != nil {
		return err
	}
	defer unlock()
	if err := l.drainLocked(ctx); err != nil || l.adopted {
		return err
	}
	if err := l.adopt(ctx); err != nil {
		return fmt.Errorf("namespaces without a ledger: %w", err)
	}
	l.adopted = true
	return l.drainLocked(ctx)
}

// always is a time at which every message is due.
var always = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

const drainAtOnce = 256

func (l *ledgers) drainLocked(ctx context.Context) error {
	var failed []error
	stuck := map[format.Ref]bool{}
	seen := map[int64]bool{}
	for {
		messages, err := l.accounts.store.Lease(ctx, outboxTopic, always, 0, drainAtOnce)
		if err != nil {
			return errors.Join(append(failed, err)...)
		}
		fresh := 0
		for _, m := range messages {
			if seen[m.ID] {
				continue
			}
			seen[m.ID] = true
			fresh++
			if err := l.deliver(ctx, m.ID, m.Payload, stuck); err != nil {
				failed = append(failed, err)
			}
		}
		if fresh == 0 || ctx.Err() != nil {
			return errors.Join(append(failed, ctx.Err())...)
		}
	}
}

func (l *ledgers) deliver(ctx context.Context, id int64, payload []byte, stuck map[format.Ref]bool) error {
	var s index.NewStatement
	if err := json.Unmarshal(payload, &s); err != nil {
		return fmt.Errorf("message %d: %w", id, err)
	}
	if stuck[s.Ledger] {
		return nil
	}
	err := l.say(ctx, s)
	if errors.Is(err, ledger.ErrForeign) {
		l.log.InfoContext(ctx, "ledgers: a change is known at this site only, since the ledger belongs to another platform", "ledger", s.Ledger.String(), "kind", string(s.Kind))
		err = nil
	}
	if err != nil {
		stuck[s.Ledger] = true
		return err
	}
	return l.accounts.store.Done(ctx, id)
}

// adopt states what SQL says of namespaces that have no ledger yet: those of a
// time before there were ledgers. It is done when nothing waits.
func (l *ledgers) adopt(ctx context.Context) error {
	names, err := l.accounts.store.NamespaceNames(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		_, err := l.registry.Resolve(ctx, format.PublishersRepository, name)
		if err == nil {
			continue
		}
		if !errors.Is(err, artifact.ErrNotFound) {
			return err
		}
		if err := l.accounts.store.InTx(ctx, func(ctx context.Context) error { return l.adoptOne(ctx, name) }); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledgers) adoptOne(ctx context.Context, name string) error {
	a := l.accounts
	n, err := a.store.Namespace(ctx, name)
	if err != nil {
		return err
	}
	members, err := a.store.Members(ctx, name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(members, func(m auth.MemberRecord) bool { return m.Role == string(auth.RoleOwner) })
	if i < 0 {
		return fmt.Errorf("namespace %q has no owner", name)
	}
	add := func(kind format.Kind, what string, body any) error {
		// Each is asked for once, whichever replica does it and however often.
		s := index.NewStatement{Kind: kind, Actor: auth.NewProcess("ledger").Name, ID: ledger.IDOf("adopt", name, what), Since: n.CreatedAt}
		return a.enqueue(ctx, name, s, body)
	}
	err = add(format.PublisherClaimed, "claim", format.Claimed{Owner: members[i].Principal, Private: !n.Public})
	for _, m := range members {
		if err == nil && m.Principal != members[i].Principal {
			err = add(format.MemberSet, "member "+m.Principal, format.Member{Principal: m.Principal, Role: m.Role})
		}
	}
	if err == nil && n.PublishingOff {
		err = add(format.PublisherConfigured, "settings", format.Configured{Private: !n.Public, PublishingOff: true})
	}
	if err == nil && !n.ClosedAt.IsZero() {
		err = add(format.PublisherClosed, "closed", format.Closed{})
	}
	return err
}
