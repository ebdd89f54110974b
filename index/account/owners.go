package account

import (
	"context"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// SetMember gives a principal a role in place of the one that it had.
func (s owners) SetMember(ctx context.Context, namespace, principal, role string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return s.settled(ctx, namespace, s.o.Parts.Namespaces.SetMember(ctx, by, namespace, principal, auth.Role(role)))
}

// RemoveMember takes a role away.
func (s owners) RemoveMember(ctx context.Context, namespace, principal string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return s.settled(ctx, namespace, s.o.Parts.Namespaces.RemoveMember(ctx, by, namespace, principal))
}

// TransferNamespace makes a principal an owner and takes the role from the caller.
func (s owners) TransferNamespace(ctx context.Context, namespace, to string) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	return s.settled(ctx, namespace, s.o.Parts.Namespaces.Transfer(ctx, by, namespace, to))
}

// CloseNamespace has nothing published in it any more.
func (s owners) CloseNamespace(ctx context.Context, namespace string) (index.Namespace, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Namespace{}, err
	}
	n, err := s.o.Parts.Namespaces.Close(ctx, by, namespace)
	if err != nil {
		return index.Namespace{}, auth.Problem(err)
	}
	return namespaceOf(n), s.o.Settle(ctx, namespace)
}

// settled brings the statement about a change that was made into its ledger.
func (s owners) settled(ctx context.Context, namespace string, err error) error {
	if err == nil {
		return s.o.Settle(ctx, namespace)
	}
	return auth.Problem(err)
}

// InviteMember offers a role to whoever accepts the invitation.
func (s owners) InviteMember(ctx context.Context, namespace string, q index.NewInvitation) (index.Invitation, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Invitation{}, err
	}
	t, rec, err := s.o.Parts.Namespaces.Invite(ctx, by, auth.Invitation{Namespace: namespace, Role: auth.Role(q.Role), Email: q.Email, ExpiresAt: q.ExpiresAt.Truncate(time.Microsecond)})
	if err != nil {
		return index.Invitation{}, auth.Problem(err)
	}
	return index.Invitation{ID: rec.ID, Namespace: namespace, Role: q.Role, Email: q.Email, ExpiresAt: rec.ExpiresAt, Secret: t.Reveal()}, nil
}

// AcceptInvitation makes the caller a member.
func (s owners) AcceptInvitation(ctx context.Context, secret string) (index.Membership, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Membership{}, err
	}
	m, err := s.o.Parts.Namespaces.Accept(ctx, by, secret)
	return index.Membership{Namespace: m.Namespace, Principal: m.Principal, Role: m.Role}, s.settled(ctx, m.Namespace, err)
}
