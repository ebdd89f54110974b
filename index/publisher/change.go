package publisher

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// Changes have each change of a namespace stated in its ledger. Both of them
// must be given.
type Changes struct {
	Store Store
	Queue jobs.Queue
}

// Changed asks for the statement about a change, in the transaction
// of ctx: it becomes true with the change. It is auth.Options.Changed.
func (c Changes) Changed(ctx context.Context, change auth.NamespaceChange) error {
	kind, body, err := c.statementOf(ctx, change)
	if err != nil {
		return fmt.Errorf("statement about %s: %w", change.Namespace, err)
	}
	return c.enqueue(ctx, change.Namespace, index.NewStatement{Kind: kind, Actor: change.By, ID: rand.Text(), Since: change.At}, body)
}

func (c Changes) enqueue(ctx context.Context, publisher string, s index.NewStatement, body any) (err error) {
	if s.Ledger, err = format.OfPublisher(publisher); err != nil {
		return err
	}
	return statements.Enqueue(ctx, c.Queue, s, body)
}

// statementOf says a change as its ledger does.
func (c Changes) statementOf(ctx context.Context, change auth.NamespaceChange) (format.Kind, any, error) {
	switch change.Action {
	case auth.NamespaceClaim:
		if n, ok := change.After.(auth.NamespaceRecord); ok {
			return format.PublisherClaimed, format.Claimed{Owner: change.By, Private: !n.Public}, nil
		}
	case auth.NamespaceManage:
		if n, ok := change.After.(auth.NamespaceRecord); ok {
			return format.PublisherConfigured, format.Configured{Private: !n.Public, PublishingOff: n.PublishingOff}, nil
		}
	case auth.NamespaceClose:
		return format.PublisherClosed, format.Closed{}, nil
	case auth.MembersManage:
		if m, ok := change.After.(auth.MemberRecord); ok {
			return format.MemberSet, format.Member{Principal: m.Principal, Role: m.Role}, nil
		}
		if m, ok := change.Before.(auth.MemberRecord); ok {
			return format.MemberRemoved, format.Removed{Principal: m.Principal}, nil
		}
	case auth.NamespaceTransfer:
		before, ok := change.Before.([]auth.MemberRecord)
		if to, and := change.After.(auth.MemberRecord); ok && and {
			after, err := c.Store.Members(ctx, change.Namespace)
			return format.PublisherTransferred, format.Transferred{To: to.Principal, From: gone(before, after)}, err
		}
	}
	return "", nil, fmt.Errorf("%s from %T to %T is no change that is known", change.Action, change.Before, change.After)
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
