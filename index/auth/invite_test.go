package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestInvitation_B4: a role is accepted once, by the right person, while who
// offered it may give it.
func TestInvitation_B4(t *testing.T) {
	t.Parallel()
	var told []NamespaceChange
	s := newSite(t, func(o *Options) {
		o.Changed = func(_ context.Context, c NamespaceChange) error { told = append(told, c); return nil }
	})
	ctx := t.Context()
	adminToken, admin := s.admin()
	_, ada := s.person("ada")
	_, bob := s.person("bob")
	_, eve := s.person("eve")
	owner := s.claim(ada, "acme")
	invite := func(by Principal, q Invitation) Token {
		t.Helper()
		q.Namespace = "acme"
		token, _, err := s.Namespaces.Invite(ctx, by, q)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	first := invite(owner, Invitation{Role: RoleMaintainer})
	if _, err := s.auth.Authenticate(ctx, first.Reveal(), append(direct, RefreshToken, SessionToken, CodeToken)...); !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("an invitation as a credential: %v", err)
	}
	accept := func(by Principal, token Token) error {
		_, err := s.Namespaces.Accept(ctx, by, token.Reveal())
		return err
	}
	robot := Principal{Kind: Robot, Name: "robot:acme/ci", Scopes: []Scope{mustScope(t, "repository:acme/*:*")}}
	bound := bob
	bound.Scopes = robot.Scopes
	for name, by := range map[string]Principal{"a robot": robot, "an admin": admin, "nobody": Nobody(), "a bound token": bound} {
		if err := accept(by, first); !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s accepts: %v", name, err)
		}
	}
	if err := accept(bob, first); err != nil {
		t.Fatal(err)
	}
	last := told[len(told)-1]
	if m := last.After.(MemberRecord); last.By != ada.Name || m.Principal != bob.Name || m.Role != string(RoleMaintainer) || m.AddedBy != ada.Name {
		t.Errorf("told %+v", last)
	}
	if err := accept(eve, first); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("accepted twice: %v", err)
	}
	if err := accept(bob, invite(owner, Invitation{Role: RoleReader})); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("a member already: %v", err)
	}
	mail := invite(owner, Invitation{Role: RoleReader, Email: "Eve@example.org"})
	if err := accept(eve, mail); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("an address that no provider verified: %v", err)
	}
	rec, err := s.store.Person(ctx, eve.Name)
	if err != nil {
		t.Fatal(err)
	}
	verified := rec
	verified.Email = "eve@example.org"
	if err := s.store.UpdatePerson(ctx, rec, verified); err != nil {
		t.Fatal(err)
	}
	if err := accept(eve, mail); err != nil {
		t.Errorf("the right address: %v", err)
	}
	_, kay := s.person("kay")
	for name, token := range map[string]Token{
		"some other credential": adminToken,
		"one that was taken back": func() Token {
			token := invite(owner, Invitation{Role: RoleReader})
			if err := s.Tokens.Revoke(ctx, owner, token.ID()); err != nil {
				t.Fatal(err)
			}
			return token
		}(),
		"one that was never made": newToken(),
	} {
		if err := accept(kay, token); !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	short := invite(owner, Invitation{Role: RoleReader, ExpiresAt: s.clock.Now().Add(time.Minute)})
	left := invite(owner, Invitation{Role: RoleOwner})
	s.clock.move(time.Minute)
	if err := accept(kay, short); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("expired: %v", err)
	}
	if err := s.Namespaces.Transfer(ctx, owner, "acme", bob.Name); err != nil {
		t.Fatal(err)
	}
	if err := accept(kay, left); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("of an owner who left: %v", err)
	}
	if err := accept(kay, invite(admin, Invitation{Role: RoleOwner})); err != nil {
		t.Errorf("of an admin: %v", err)
	}
	for name, err := range map[string]error{
		"a maintainer invites": third(s.Namespaces.Invite(ctx, Principal{Kind: Person, Name: "person:m", Grants: []Grant{{Role: RoleMaintainer, Namespace: "acme"}}}, Invitation{Namespace: "acme", Role: RoleReader})),
		"a stranger invites":   third(s.Namespaces.Invite(ctx, eve, Invitation{Namespace: "acme", Role: RoleReader})),
	} {
		if !errors.Is(err, artifact.ErrDenied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, q := range map[string]Invitation{
		"a role of the site": {Namespace: "acme", Role: RoleAdmin}, "no address": {Namespace: "acme", Role: RoleReader, Email: "Eve <eve@example.org>"},
		"a year": {Namespace: "acme", Role: RoleReader, ExpiresAt: s.clock.Now().Add(MaxTokenLifetime)},
	} {
		if _, _, err := s.Namespaces.Invite(ctx, admin, q); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func third[T, U any](_ T, _ U, err error) error { return err }
