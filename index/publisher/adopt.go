package publisher

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// adopt states what SQL says of namespaces that have no ledger yet: those of a
// time before there were ledgers.
func (s *Statements) adopt(ctx context.Context) error {
	names, err := s.o.Changes.Store.NamespaceNames(ctx)
	if err != nil {
		return fmt.Errorf("namespaces without a ledger: %w", err)
	}
	for _, name := range names {
		if none, err := s.unstated(ctx, name); err != nil || !none {
			if err != nil {
				return fmt.Errorf("namespaces without a ledger: %w", err)
			}
			continue
		}
		err := s.o.Changes.Store.InTx(ctx, func(ctx context.Context) error { return s.o.Changes.adoptOne(ctx, name) })
		if err != nil {
			return fmt.Errorf("namespaces without a ledger: %w", err)
		}
	}
	return nil
}

// unstated reports whether a namespace has no ledger and none is on its way. It
// asks in this order: a statement that is waited for no more is in a ledger.
func (s *Statements) unstated(ctx context.Context, name string) (bool, error) {
	ref, err := format.OfPublisher(name)
	if err != nil {
		return false, err
	}
	waits, err := s.o.Jobs.Backlog(ctx, statements.JobKind, ref.String())
	if err != nil || waits.Jobs > 0 {
		return false, err
	}
	_, err = s.o.Registry.Resolve(ctx, format.PublishersRepository, name)
	if !errors.Is(err, artifact.ErrNotFound) {
		return false, err
	}
	// One that lost its tag is none that never was: what it says counts once it is back,
	// and SQL, which may be older, says nothing beside it.
	said, err := s.o.Ledger.State(ctx, ref)
	if errors.Is(err, artifact.ErrUnverified) {
		return false, nil
	}
	return err == nil && said.Head.Sequence == 0, err
}

func (c Changes) adoptOne(ctx context.Context, name string) error {
	n, err := c.Store.Namespace(ctx, name)
	if err != nil {
		return err
	}
	members, err := c.Store.Members(ctx, name)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(members, func(m auth.MemberRecord) bool { return m.Role == string(auth.RoleOwner) })
	if i < 0 {
		return fmt.Errorf("namespace %q has no owner", name)
	}
	add := func(kind format.Kind, what string, body any) error {
		// Each is asked for once, whichever replica does it and however often.
		s := index.NewStatement{Kind: kind, Actor: auth.NewProcess("ledger").Name, ID: statements.IDOf("adopt", name, what), Since: n.CreatedAt}
		return c.enqueue(ctx, name, s, body)
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
