package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// Namespaces gives names to owners, and roles in them to members.
type Namespaces struct {
	may      *Authority
	store    NamespaceStore
	members  MemberStore
	accounts *Accounts
	tokens   *Tokens
	tx       Transactor
	log      *AuditLog
	open     openDoor
	now      func() time.Time
	// content, changed and maxClaims are those of Options.
	content   Content
	changed   func(context.Context, NamespaceChange) error
	maxClaims int
	similar   *Lookalikes
}

// Load tells the index of look-alikes every name of the store, and those that
// the registry holds something of. Every claim does, so that all replicas refuse
// the same names; of two that race the store's own keys refuse one.
func (ns *Namespaces) Load(ctx context.Context) error {
	_, err := ns.names(ctx)
	return err
}

// Protect holds claims against a popular or verified name to the strictest rule.
func (ns *Namespaces) Protect(name string) { ns.similar.Protect(name) }

// Claim makes by the first owner of a namespace. A name that is taken, reserved
// or looks like one that is, is a *TakenError.
func (ns *Namespaces) Claim(ctx context.Context, by Principal, name string) (NamespaceRecord, error) {
	return ns.ClaimWith(ctx, by, name, NamespaceSettings{})
}

// ClaimWith is Claim with other settings than a private namespace has.
func (ns *Namespaces) ClaimWith(ctx context.Context, by Principal, name string, s NamespaceSettings) (NamespaceRecord, error) {
	mine, err := ns.claimable(ctx, by, name)
	if err != nil {
		return NamespaceRecord{}, err
	}
	n := NamespaceRecord{Name: name, Public: s.Public, PublishingOff: s.PublishingOff, CreatedBy: by.Name, CreatedAt: ns.now().UTC(), Revision: 1}
	if mine {
		if n, err = ns.asHeld(ctx, n); err != nil {
			return NamespaceRecord{}, err
		}
	}
	err = ns.change(ctx, by, NamespaceClaim, name, func(ctx context.Context) (_, after any, err error) {
		if err := ns.roomForClaim(ctx, by); err != nil {
			return nil, nil, err
		}
		return nil, n, ns.store.AddNamespace(ctx, n, by.Name, LookalikeKeys(name))
	})
	if errors.Is(err, artifact.ErrConflict) {
		return NamespaceRecord{}, ns.explainConflict(ctx, by, name, err)
	}
	if err != nil {
		return NamespaceRecord{}, err
	}
	ns.similar.Add(name)
	return n, nil
}

// CheckClaim is the error that a claim of name would have now; it changes nothing.
func (ns *Namespaces) CheckClaim(ctx context.Context, by Principal, name string) error {
	if _, err := ns.claimable(ctx, by, name); err != nil {
		return err
	}
	return ns.roomForClaim(ctx, by)
}

// claimable refuses a claim by what can be told before anything is written.
// held says that the registry has something of that name, which only an admin
// may claim.
func (ns *Namespaces) claimable(ctx context.Context, by Principal, name string) (held bool, err error) {
	if err := artifact.CheckSegment(name); err != nil {
		return false, fmt.Errorf("namespace: %w", err)
	}
	if err := ns.may.require(ctx, by, NamespaceClaim, InNamespace(name)); err != nil {
		return false, err
	}
	names, err := ns.names(ctx) // also what other replicas claimed since
	if err != nil {
		return false, err
	}
	held = slices.Contains(names, name)
	if held && !slices.Contains(by.roles(Site()), RoleAdmin) {
		return held, &HeldError{Name: name}
	}
	// The names of stores and of unpacked plugins are folders on every system.
	if err := artifact.PortablePath(name); err != nil && !held { // what the registry holds already stays in reach of an admin
		return held, fmt.Errorf("namespace: %w", err)
	}
	if other, yes := ns.similar.Resembles(name); yes && (!held || other != name || ns.similar.Reserved(name)) {
		return held, ns.resembles(ctx, by, name, other)
	}
	return held, nil
}

// roomForClaim refuses one who claimed as many namespaces as anybody may. Names
// are used up for good, so that one account could take them from all.
func (ns *Namespaces) roomForClaim(ctx context.Context, by Principal) error {
	if ns.maxClaims <= 0 || slices.Contains(by.roles(Site()), RoleAdmin) {
		return nil
	}
	n, err := ns.store.NamespacesClaimedBy(ctx, by.Name)
	if err != nil {
		return untold(err, "how many namespaces %s claimed", by.Name)
	}
	if n >= ns.maxClaims {
		return &ClaimsError{Principal: by.Name, Limit: ns.maxClaims}
	}
	return nil
}

// explainConflict finds the name that another replica claimed meanwhile.
func (ns *Namespaces) explainConflict(ctx context.Context, by Principal, name string, cause error) error {
	if err := ns.Load(ctx); err != nil {
		return errors.Join(cause, err)
	}
	if other, yes := ns.similar.Resembles(name); yes {
		return ns.resembles(ctx, by, name, other)
	}
	return cause
}

// resembles refuses a name for one that it looks like, which it names to who may know of
// that: it is reserved, public, or his to read. Where it cannot be told he may not.
func (ns *Namespaces) resembles(ctx context.Context, by Principal, name, other string) error {
	if other != name && !ns.similar.Reserved(other) {
		sees, err := ns.may.Visibility(ctx, by)
		if err != nil || !sees.Pulls(other+"/"+other) {
			other = ""
		}
	}
	return &TakenError{Name: name, Resembles: other}
}

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

// change does one change with its audit row, tells it, and forgets what was
// cached. do gives what was before and is after; nobody else changes the namespace
// meanwhile, so that what it reads is what it changes.
func (ns *Namespaces) change(ctx context.Context, by Principal, action Action, namespace string, do func(context.Context) (before, after any, err error)) error {
	return ns.changeFor(ctx, by.Name, by, action, namespace, do)
}

// errUnchanged is what the do of a change returns where all is as it is meant to be
// already: no row, no statement, and no error.
var errUnchanged = errors.New("nothing changes")

// changeFor is change where who does it acts on the word of another: it is told
// as that one's, and the audit row is of who did it.
func (ns *Namespaces) changeFor(ctx context.Context, authorised string, by Principal, action Action, namespace string, do func(context.Context) (before, after any, err error)) error {
	defer ns.may.resources.known.drop() // a change that was cut may have become true
	defer ns.may.forget()
	err := ns.tx.InTx(ctx, func(ctx context.Context) error {
		if err := ns.members.LockNamespace(ctx, namespace); err != nil {
			return err
		}
		before, after, err := do(ctx)
		if err != nil {
			return err
		}
		if ns.changed != nil {
			if err := ns.changed(ctx, NamespaceChange{action, namespace, authorised, ns.now().UTC(), before, after}); err != nil {
				return err
			}
		}
		return ns.log.audit(ctx, by, string(action), InNamespace(namespace).String(), before, after)
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	return err
}

// Forget has what was cached of namespaces read again, for who changed them in
// the store beside these methods.
func (ns *Namespaces) Forget() {
	ns.may.resources.known.drop()
	ns.may.forget()
}

// NamespaceSettings are what an owner sets.
type NamespaceSettings struct {
	// Public lets everybody pull.
	Public bool
	// PublishingOff refuses new versions.
	PublishingOff bool
}

// Get returns a namespace to one who may see its members.
func (ns *Namespaces) Get(ctx context.Context, by Principal, name string) (NamespaceRecord, error) {
	if err := ns.may.require(ctx, by, MembersRead, InNamespace(name)); err != nil {
		return NamespaceRecord{}, err
	}
	return ns.store.Namespace(ctx, name)
}

// Configure sets all settings of a namespace.
func (ns *Namespaces) Configure(ctx context.Context, by Principal, name string, s NamespaceSettings) (NamespaceRecord, error) {
	return ns.Reconfigure(ctx, by, name, func(is *NamespaceSettings) { *is = s })
}

// Reconfigure changes settings of a namespace: set is given those that there are,
// and what it leaves alone stays, whoever changes it at the same time.
func (ns *Namespaces) Reconfigure(ctx context.Context, by Principal, name string, set func(*NamespaceSettings)) (NamespaceRecord, error) {
	return ns.update(ctx, by, NamespaceManage, name, func(n *NamespaceRecord) error {
		is := NamespaceSettings{Public: n.Public, PublishingOff: n.PublishingOff}
		set(&is)
		n.Public, n.PublishingOff = is.Public, is.PublishingOff
		return nil
	})
}

// Close lets nothing new in for good. What is there stays, and so
// does the name: nobody can claim it again.
func (ns *Namespaces) Close(ctx context.Context, by Principal, name string) (NamespaceRecord, error) {
	return ns.update(ctx, by, NamespaceClose, name, func(n *NamespaceRecord) error {
		if !n.ClosedAt.IsZero() {
			return fmt.Errorf("namespace %q: it is closed already: %w", name, artifact.ErrConflict)
		}
		n.ClosedAt = ns.now().UTC()
		return nil
	})
}

func (ns *Namespaces) update(ctx context.Context, by Principal, action Action, name string, set func(*NamespaceRecord) error) (NamespaceRecord, error) {
	if err := ns.may.require(ctx, by, action, InNamespace(name)); err != nil {
		return NamespaceRecord{}, err
	}
	var is NamespaceRecord
	err := ns.change(ctx, by, action, name, func(ctx context.Context) (before, after any, err error) {
		was, err := ns.store.Namespace(ctx, name)
		if err != nil {
			return nil, nil, err
		}
		is = was
		if err := set(&is); err != nil {
			return nil, nil, err
		}
		if is == was {
			return nil, nil, errUnchanged
		}
		next := is
		is.Revision++
		return was, next, ns.store.UpdateNamespace(ctx, next)
	})
	if err != nil {
		return NamespaceRecord{}, err
	}
	return is, nil
}

// Members are who is what in a namespace.
func (ns *Namespaces) Members(ctx context.Context, by Principal, namespace string) ([]MemberRecord, error) {
	if err := ns.may.require(ctx, by, MembersRead, InNamespace(namespace)); err != nil {
		return nil, err
	}
	return ns.members.Members(ctx, namespace)
}

// SetMember gives an account a role, in place of the one that it had. One that
// does not exist, or is disabled, is a *MissingAccountError: CreateInvitation is
// for people who have not logged in yet.
func (ns *Namespaces) SetMember(ctx context.Context, by Principal, namespace, principal string, role Role) error {
	if !permissions.gives(role, OnNamespace) {
		return invalid("role %q: expected %s", role, oneOf(NamespaceRoles()))
	}
	if err := ns.may.require(ctx, by, MembersManage, InNamespace(namespace)); err != nil {
		return err
	}
	m := MemberRecord{Namespace: namespace, Principal: principal, Role: string(role), AddedBy: by.Name, AddedAt: ns.now().UTC()}
	return ns.change(ctx, by, MembersManage, namespace, func(ctx context.Context) (before, after any, err error) {
		if err := ns.accounts.requireAccount(ctx, principal); err != nil {
			return nil, nil, err
		}
		if before, err = ns.member(ctx, namespace, principal); err != nil {
			return nil, nil, err
		}
		if was, is := before.(MemberRecord); is && was.Role == m.Role {
			return nil, nil, errUnchanged
		}
		return before, m, ns.members.PutMember(ctx, m)
	})
}

// RemoveMember takes a principal's role. Everybody may leave; the last owner cannot.
func (ns *Namespaces) RemoveMember(ctx context.Context, by Principal, namespace, principal string) error {
	action := MembersManage
	if by.LoggedIn() && by.Name == principal && by.Scopes == nil && by.Access == nil {
		action = MembersRead
	}
	if err := ns.may.require(ctx, by, action, InNamespace(namespace)); err != nil {
		return err
	}
	return ns.change(ctx, by, MembersManage, namespace, func(ctx context.Context) (before, after any, err error) {
		if before, err = ns.member(ctx, namespace, principal); err != nil {
			return nil, nil, err
		}
		return before, nil, ns.members.RemoveMember(ctx, namespace, principal)
	})
}

// Transfer makes to an owner and takes the role from by, in one step. A
// platform admin who is no member takes it from all owners. An account that
// does not exist, or is disabled, is a *MissingAccountError.
func (ns *Namespaces) Transfer(ctx context.Context, by Principal, namespace, to string) error {
	if err := ns.may.require(ctx, by, NamespaceTransfer, InNamespace(namespace)); err != nil {
		return err
	}
	m := MemberRecord{Namespace: namespace, Principal: to, Role: string(RoleOwner), AddedBy: by.Name, AddedAt: ns.now().UTC()}
	return ns.change(ctx, by, NamespaceTransfer, namespace, func(ctx context.Context) (_, after any, err error) {
		before, err := ns.members.Members(ctx, namespace)
		if err != nil {
			return nil, nil, err
		}
		if err := ns.accounts.requireAccount(ctx, to); err != nil {
			return nil, nil, err
		}
		leaving := ownersLeaving(before, by.Name, to)
		if len(leaving) == 0 && slices.ContainsFunc(before, func(b MemberRecord) bool { return b.Principal == to && b.Role == m.Role }) {
			return nil, nil, errUnchanged
		}
		if err := ns.members.PutMember(ctx, m); err != nil {
			return nil, nil, err
		}
		for _, principal := range leaving {
			if err := ns.members.RemoveMember(ctx, namespace, principal); err != nil {
				return nil, nil, err
			}
		}
		return before, m, nil
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
func (ns *Namespaces) member(ctx context.Context, namespace, principal string) (any, error) {
	members, err := ns.members.Members(ctx, namespace)
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
