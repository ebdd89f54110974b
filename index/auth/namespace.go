package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Load tells the index of look-alikes every name of the store, and those that
// the registry holds something of. Every claim does, so that all replicas refuse
// the same names; of two that race the store's own keys refuse one.
func (a *Authority) Load(ctx context.Context) error {
	_, err := a.names(ctx)
	return err
}

// Protect holds claims against a popular or verified name to the strictest rule.
func (a *Authority) Protect(name string) { a.similar.Protect(name) }

// Claim makes by the first owner of a namespace. A name that is taken, reserved
// or looks like one that is, is a *TakenError.
func (a *Authority) Claim(ctx context.Context, by Principal, name string) (NamespaceRecord, error) {
	return a.ClaimWith(ctx, by, name, NamespaceSettings{})
}

// ClaimWith is Claim with other settings than a private namespace has.
func (a *Authority) ClaimWith(ctx context.Context, by Principal, name string, s NamespaceSettings) (NamespaceRecord, error) {
	if err := artifact.CheckSegment(name); err != nil {
		return NamespaceRecord{}, fmt.Errorf("namespace: %w", err)
	}
	if err := a.require(ctx, by, NamespaceClaim, InNamespace(name)); err != nil {
		return NamespaceRecord{}, err
	}
	held, err := a.names(ctx) // also what other replicas claimed since
	if err != nil {
		return NamespaceRecord{}, err
	}
	mine := slices.Contains(held, name)
	if mine && !slices.Contains(by.roles(Site()), RoleAdmin) {
		return NamespaceRecord{}, &HeldError{Name: name}
	}
	if other, yes := a.similar.Resembles(name); yes && (!mine || other != name || a.similar.Reserved(name)) {
		return NamespaceRecord{}, resembles(name, other)
	}
	n := NamespaceRecord{Name: name, Public: s.Public, PublishingOff: s.PublishingOff, CreatedBy: by.Name, CreatedAt: a.o.Now().UTC(), Revision: 1}
	if mine {
		if n, err = a.asHeld(ctx, n); err != nil {
			return NamespaceRecord{}, err
		}
	}
	err = a.change(ctx, by, NamespaceClaim, name, nil, n, func(ctx context.Context) error {
		if err := a.roomForClaim(ctx, by); err != nil {
			return err
		}
		return a.o.Store.AddNamespace(ctx, n, by.Name, LookalikeKeys(name))
	})
	if errors.Is(err, artifact.ErrConflict) {
		return NamespaceRecord{}, a.explainConflict(ctx, name, err)
	}
	if err != nil {
		return NamespaceRecord{}, err
	}
	a.similar.Add(name)
	return n, nil
}

// roomForClaim refuses one who claimed as many namespaces as anybody may. Names
// are used up for good, so that one account could take them from all.
func (a *Authority) roomForClaim(ctx context.Context, by Principal) error {
	if a.o.MaxClaims <= 0 || slices.Contains(by.roles(Site()), RoleAdmin) {
		return nil
	}
	n, err := a.o.Store.NamespacesClaimedBy(ctx, by.Name)
	if err != nil {
		return fmt.Errorf("could not tell how many namespaces %s claimed: %w", by.Name, err)
	}
	if n >= a.o.MaxClaims {
		return &ClaimsError{Principal: by.Name, Limit: a.o.MaxClaims}
	}
	return nil
}

// explainConflict finds the name that another replica claimed meanwhile.
func (a *Authority) explainConflict(ctx context.Context, name string, cause error) error {
	if err := a.Load(ctx); err != nil {
		return errors.Join(cause, err)
	}
	if other, yes := a.similar.Resembles(name); yes {
		return resembles(name, other)
	}
	return cause
}

func resembles(name, other string) error { return &TakenError{Name: name, Resembles: other} }

// A NamespaceChange is one change to a namespace or its members.
type NamespaceChange struct {
	Action    Action
	Namespace string
	By        string
	At        time.Time
	// Before and After are the NamespaceRecord or MemberRecord that changed,
	// for a transfer all members before; nil for none.
	Before, After any
}

// change does one change with its audit row, tells it, and forgets what was cached.
func (a *Authority) change(ctx context.Context, by Principal, action Action, namespace string, before, after any, do func(context.Context) error) error {
	return a.changeFor(ctx, by.Name, by, action, namespace, before, after, do)
}

// changeFor is change where who does it acts on the word of another: it is told
// as that one's, and the audit row is of who did it.
func (a *Authority) changeFor(ctx context.Context, authorised string, by Principal, action Action, namespace string, before, after any, do func(context.Context) error) error {
	defer a.known.drop() // a change that was cut may have become true
	defer a.forget()
	return a.o.Store.InTx(ctx, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		if a.o.Changed != nil {
			if err := a.o.Changed(ctx, NamespaceChange{action, namespace, authorised, a.o.Now().UTC(), before, after}); err != nil {
				return err
			}
		}
		return a.audit(ctx, by, string(action), InNamespace(namespace).String(), before, after)
	})
}

// NamespaceSettings are what an owner sets.
type NamespaceSettings struct {
	// Public lets everybody pull.
	Public bool
	// PublishingOff refuses new versions.
	PublishingOff bool
}

// Namespace returns a namespace to one who may see its members.
func (a *Authority) Namespace(ctx context.Context, by Principal, name string) (NamespaceRecord, error) {
	if err := a.require(ctx, by, MembersRead, InNamespace(name)); err != nil {
		return NamespaceRecord{}, err
	}
	return a.o.Store.Namespace(ctx, name)
}

// Configure sets the settings of a namespace.
func (a *Authority) Configure(ctx context.Context, by Principal, name string, s NamespaceSettings) (NamespaceRecord, error) {
	return a.update(ctx, by, NamespaceManage, name, func(n *NamespaceRecord) error {
		n.Public, n.PublishingOff = s.Public, s.PublishingOff
		return nil
	})
}

// CloseNamespace lets nothing new in for good. What is there stays, and so
// does the name: nobody can claim it again.
func (a *Authority) CloseNamespace(ctx context.Context, by Principal, name string) (NamespaceRecord, error) {
	return a.update(ctx, by, NamespaceClose, name, func(n *NamespaceRecord) error {
		if !n.ClosedAt.IsZero() {
			return fmt.Errorf("namespace %q: it is closed already: %w", name, artifact.ErrConflict)
		}
		n.ClosedAt = a.o.Now().UTC()
		return nil
	})
}

func (a *Authority) update(ctx context.Context, by Principal, action Action, name string, set func(*NamespaceRecord) error) (NamespaceRecord, error) {
	if err := a.require(ctx, by, action, InNamespace(name)); err != nil {
		return NamespaceRecord{}, err
	}
	before, err := a.o.Store.Namespace(ctx, name)
	if err != nil {
		return NamespaceRecord{}, err
	}
	after := before
	if err := set(&after); err != nil {
		return NamespaceRecord{}, err
	}
	err = a.change(ctx, by, action, name, before, after, func(ctx context.Context) error {
		return a.o.Store.UpdateNamespace(ctx, after)
	})
	after.Revision++
	return after, err
}

// Members are who is what in a namespace.
func (a *Authority) Members(ctx context.Context, by Principal, namespace string) ([]MemberRecord, error) {
	if err := a.require(ctx, by, MembersRead, InNamespace(namespace)); err != nil {
		return nil, err
	}
	return a.o.Store.Members(ctx, namespace)
}

// SetMember gives an account a role, in place of the one that it had. One that
// does not exist, or is disabled, is a *MissingAccountError: CreateInvitation is
// for people who have not logged in yet.
func (a *Authority) SetMember(ctx context.Context, by Principal, namespace, principal string, role Role) error {
	if !slices.Contains(NamespaceRoles(), role) {
		return invalid("role %q: expected owner, maintainer, publisher or reader", role)
	}
	if err := a.require(ctx, by, MembersManage, InNamespace(namespace)); err != nil {
		return err
	}
	m := MemberRecord{Namespace: namespace, Principal: principal, Role: string(role), AddedBy: by.Name, AddedAt: a.o.Now().UTC()}
	before, err := a.member(ctx, namespace, principal)
	if err != nil {
		return err
	}
	return a.change(ctx, by, MembersManage, namespace, before, m, func(ctx context.Context) error {
		if err := a.requireAccount(ctx, principal); err != nil {
			return err
		}
		return a.o.Store.PutMember(ctx, m)
	})
}

// RemoveMember takes a principal's role. Everybody may leave; the last owner cannot.
func (a *Authority) RemoveMember(ctx context.Context, by Principal, namespace, principal string) error {
	action := MembersManage
	if by.LoggedIn() && by.Name == principal && by.Scopes == nil && by.Access == nil {
		action = MembersRead
	}
	if err := a.require(ctx, by, action, InNamespace(namespace)); err != nil {
		return err
	}
	before, err := a.member(ctx, namespace, principal)
	if err != nil {
		return err
	}
	return a.change(ctx, by, MembersManage, namespace, before, nil, func(ctx context.Context) error {
		return a.o.Store.RemoveMember(ctx, namespace, principal)
	})
}

// Transfer makes to an owner and takes the role from by, in one step. A
// platform admin who is no member takes it from all owners. An account that
// does not exist, or is disabled, is a *MissingAccountError.
func (a *Authority) Transfer(ctx context.Context, by Principal, namespace, to string) error {
	if err := a.require(ctx, by, NamespaceTransfer, InNamespace(namespace)); err != nil {
		return err
	}
	before, err := a.o.Store.Members(ctx, namespace)
	if err != nil {
		return err
	}
	leaving := ownersLeaving(before, by.Name, to)
	m := MemberRecord{Namespace: namespace, Principal: to, Role: string(RoleOwner), AddedBy: by.Name, AddedAt: a.o.Now().UTC()}
	return a.change(ctx, by, NamespaceTransfer, namespace, before, m, func(ctx context.Context) error {
		if err := a.requireAccount(ctx, to); err != nil {
			return err
		}
		if err := a.o.Store.PutMember(ctx, m); err != nil {
			return err
		}
		for _, principal := range leaving {
			if err := a.o.Store.RemoveMember(ctx, namespace, principal); err != nil {
				return err
			}
		}
		return nil
	})
}

func ownersLeaving(members []MemberRecord, by, to string) []string {
	var all []string
	for _, m := range members {
		if m.Role == string(RoleOwner) && m.Principal != to {
			all = append(all, m.Principal)
		}
	}
	if by == to {
		return nil
	}
	if slices.Contains(all, by) {
		return []string{by}
	}
	return all
}

// member is the record of one member as it is, nil when there is none.
func (a *Authority) member(ctx context.Context, namespace, principal string) (any, error) {
	members, err := a.o.Store.Members(ctx, namespace)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		if m.Principal == principal {
			return m, nil
		}
	}
	return nil, nil
}

// expiresIn is a time from now.
func (a *Authority) expiresIn(d time.Duration) time.Time { return a.o.Now().UTC().Add(d) }
