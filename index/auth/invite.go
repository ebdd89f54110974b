package auth

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// InviteToken is an invitation: of one use, and no credential for anything else.
const InviteToken TokenKind = "invite"

// InviteLifetime is how long an invitation holds unless it says otherwise, and
// MaxInviteLifetime the longest that it may.
const (
	InviteLifetime    = 7 * 24 * time.Hour
	MaxInviteLifetime = 30 * 24 * time.Hour
)

const emailScope = "email:"

// An Invitation offers a role in a namespace to somebody who may have no
// account yet.
type Invitation struct {
	Namespace string
	Role      Role
	// Email lets only the account in whose name a provider verified this
	// address accept; "" lets whoever holds the invitation.
	Email string
	// ExpiresAt is when it ends; the zero time takes InviteLifetime.
	ExpiresAt time.Time
}

// Invite makes an invitation and returns its text, which is not kept.
// It holds as long as its maker may give the role. RevokeToken takes it back.
func (ns *Namespaces) Invite(ctx context.Context, by Principal, q Invitation) (Token, TokenRecord, error) {
	now := ns.now()
	if q.ExpiresAt.IsZero() {
		q.ExpiresAt = now.Add(InviteLifetime)
	}
	switch {
	case !permissions.gives(q.Role, OnNamespace):
		return Token{}, TokenRecord{}, invalid("role %q: expected %s", q.Role, oneOf(NamespaceRoles()))
	case !q.ExpiresAt.After(now) || q.ExpiresAt.After(now.Add(MaxInviteLifetime)):
		return Token{}, TokenRecord{}, invalid("invitation expiry: expected a time within %d days", int(MaxInviteLifetime.Hours()/24))
	case q.Email != "" && !isEmail(q.Email):
		return Token{}, TokenRecord{}, invalid("invitation email %.200q: expected an address such as ada@example.org", q.Email)
	}
	if err := ns.may.require(ctx, by, MembersManage, InNamespace(q.Namespace)); err != nil {
		return Token{}, TokenRecord{}, err
	}
	t := newToken()
	rec := TokenRecord{
		ID: t.ID(), Kind: string(InviteToken), Name: string(q.Role), Principal: string(InviteToken) + ":" + q.Namespace, Namespace: q.Namespace,
		Scopes: []string{Grant{Role: q.Role, Namespace: q.Namespace}.String()}, Hash: t.hash(), CreatedBy: ns.open.maker(by),
		CreatedAt: now.UTC(), ExpiresAt: q.ExpiresAt.UTC(),
	}
	if q.Email != "" {
		rec.Scopes = append(rec.Scopes, emailScope+strings.ToLower(q.Email))
	}
	return t, rec, ns.tokens.add(ctx, by, rec)
}

func isEmail(s string) bool {
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s && len(s) <= 254
}

// Accept makes by a member of the namespace that the text of an
// invitation names. Only a person accepts, with a credential that is bound to
// nothing. One that is unknown, ended, used or for somebody else wraps
// artifact.ErrDenied; to be a member already is a conflict.
func (ns *Namespaces) Accept(ctx context.Context, by Principal, text string) (MemberRecord, error) {
	m, err := ns.accept(ctx, by, text)
	if errors.Is(err, artifact.ErrDenied) && by.LoggedIn() {
		on := Site() // where nobody knows of which namespace it is
		if m.Namespace != "" {
			on = InNamespace(m.Namespace)
		}
		ns.log.refused(ctx, by, MembersManage, on, Denied(withoutKind(err)))
	}
	return m, err
}

func (ns *Namespaces) accept(ctx context.Context, by Principal, text string) (MemberRecord, error) {
	if by.Kind != Person || by.Scopes != nil || by.Access != nil {
		return MemberRecord{}, denied("invitation: %s cannot accept one: log in as a person", by.Name)
	}
	rec, g, err := ns.invitation(ctx, by, text)
	if err != nil {
		return MemberRecord{}, err
	}
	inviter := strings.TrimPrefix(rec.CreatedBy, devMaker)
	m := MemberRecord{Namespace: g.Namespace, Principal: by.Name, Role: string(g.Role), AddedBy: inviter, AddedAt: ns.now().UTC()}
	err = ns.changeFor(ctx, inviter, by, MembersManage, g.Namespace, func(ctx context.Context) (_, after any, err error) {
		if err := ns.stillInvites(ctx, inviter, g.Namespace); err != nil {
			return nil, nil, err
		}
		if err := ns.accounts.requireAccount(ctx, by.Name); err != nil {
			return nil, nil, err
		}
		if before, err := ns.member(ctx, g.Namespace, by.Name); err != nil || before != nil {
			if err == nil {
				err = fmt.Errorf("invitation: %s is a member of %s already: %w", by.Name, g.Namespace, artifact.ErrConflict)
			}
			return nil, nil, err
		}
		err = ns.tokens.store.RevokeToken(ctx, rec.ID, ns.now().UTC()) // of two who use it one wins
		if errors.Is(err, artifact.ErrConflict) {
			return nil, nil, errInvitation
		}
		if err != nil {
			return nil, nil, err
		}
		return nil, m, ns.members.PutMember(ctx, m)
	})
	return m, err
}

var errInvitation = fmt.Errorf("invitation: unknown, used, taken back or expired, or meant for somebody else: ask for another: %w", artifact.ErrDenied)

// invitation reads the text of one that by may accept.
func (ns *Namespaces) invitation(ctx context.Context, by Principal, text string) (TokenRecord, Grant, error) {
	t, err := ParseToken(text)
	if err != nil {
		return TokenRecord{}, Grant{}, err
	}
	rec, err := ns.tokens.store.Token(ctx, t.ID())
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return rec, Grant{}, errInvitation
	case err != nil:
		return rec, Grant{}, fmt.Errorf("invitation: %w", err)
	case rec.Kind != string(InviteToken) || !t.matches(rec.Hash) || !ns.open.lasts(rec) || !rec.RevokedAt.IsZero() || !ns.now().Before(rec.ExpiresAt) || len(rec.Scopes) == 0:
		return rec, Grant{}, errInvitation
	}
	g, err := ParseGrant(rec.Scopes[0])
	if err != nil || g.Namespace != rec.Namespace {
		return rec, Grant{}, fmt.Errorf("invitation: stored role %q: it cannot be read", rec.Scopes[0])
	}
	person, err := ns.accounts.store.Person(ctx, by.Name)
	if err != nil {
		return rec, Grant{}, fmt.Errorf("invitation: %w", err)
	}
	for _, bound := range rec.Scopes[1:] {
		email, ok := strings.CutPrefix(bound, emailScope)
		if !ok || !strings.EqualFold(email, person.Email) {
			return rec, Grant{}, errInvitation
		}
	}
	return rec, g, nil
}

// stillInvites refuses the invitation of somebody who may not give roles in the
// namespace any more.
func (ns *Namespaces) stillInvites(ctx context.Context, inviter, namespace string) error {
	if ns.open && inviter == DevAdmin().Name {
		return nil
	}
	if err := ns.accounts.requireAccount(ctx, inviter); errors.Is(err, artifact.ErrNotFound) {
		return errInvitation
	} else if err != nil {
		return err
	}
	if strings.HasPrefix(inviter, string(Admin)+":") {
		return nil
	}
	members, err := ns.members.MembershipsOf(ctx, inviter)
	if err != nil {
		return err
	}
	p, err := ns.accounts.store.Person(ctx, inviter)
	if err != nil {
		return err
	}
	owns := slices.ContainsFunc(members, func(m MemberRecord) bool { return m.Namespace == namespace && m.Role == string(RoleOwner) })
	for _, g := range []Grant{{Role: RoleAdmin}, {Role: RoleOwner, Namespace: namespace}} {
		owns = owns || slices.Contains(p.Grants, g.String())
	}
	if !owns {
		return errInvitation
	}
	return nil
}
