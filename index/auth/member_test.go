package auth

import (
	"errors"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// TestRolesGoToAccountsThatExist_B4: nothing is given to a name that somebody
// else may get later, nor to one that nobody can use.
func TestRolesGoToAccountsThatExist_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	_, admin := s.admin()
	_, ada := s.person("ada")
	_, bob := s.person("bob")
	owner := s.claim(ada, "acme")
	_, rec, err := s.Tokens.Create(ctx, admin, TokenRequest{Kind: AdminToken, Label: "ops"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Namespaces.SetMember(ctx, owner, "acme", "admin:ops", RoleReader); err != nil {
		t.Errorf("an admin with a token: %v", err)
	}
	if err := s.Tokens.Revoke(ctx, admin, rec.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.Accounts.Disable(ctx, admin, bob.Name, true); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"person:ghost": artifact.ErrNotFound, "admin:nothere": artifact.ErrNotFound, "admin:ops": artifact.ErrNotFound, bob.Name: artifact.ErrNotFound,
		"person:../../x": artifact.ErrInvalid, "person:a b": artifact.ErrInvalid, "person:\u202eevil": artifact.ErrInvalid, "person:Ada": artifact.ErrInvalid,
		"person:": artifact.ErrInvalid, "person:...": artifact.ErrInvalid, "person:a\x00": artifact.ErrInvalid, "robot:acme/ci": artifact.ErrInvalid, "process:index": artifact.ErrInvalid, "ada": artifact.ErrInvalid,
	} {
		if err := s.Namespaces.SetMember(ctx, owner, "acme", name, RoleOwner); !errors.Is(err, want) {
			t.Errorf("a role for %q: %v, want %v", name, err, want)
		}
		if err := s.Namespaces.Transfer(ctx, owner, "acme", name); !errors.Is(err, want) {
			t.Errorf("a transfer to %q: %v, want %v", name, err, want)
		}
	}
	var missing *MissingAccountError
	if err := s.Namespaces.Transfer(ctx, owner, "acme", bob.Name); !errors.As(err, &missing) || !missing.Disabled {
		t.Errorf("a disabled account: %v", err)
	}
	members, err := s.Namespaces.Members(ctx, owner, "acme")
	if err != nil || len(members) != 2 || members[1].Principal != ada.Name || members[1].Role != string(RoleOwner) {
		t.Errorf("after all that: %+v %v", members, err)
	}
	s.store.breakDown(errBroken)
	if err := s.Accounts.requireAccount(ctx, ada.Name); !errors.Is(err, errBroken) || errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("a store that does not answer: %v", err)
	}
}

// TestSelfChosenNames_B5: what a provider calls somebody is never a reserved
// name, one that an admin gave, or one that holds roles, whichever way it is spelt.
func TestSelfChosenNames_B5(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *Options) { o.Reserved = []string{"contoso"} })
	ctx := t.Context()
	_, admin := s.admin()
	if _, err := s.Accounts.Add(ctx, admin, "carol", nil); err != nil {
		t.Fatal(err)
	}
	// A site of before accounts had to exist.
	for _, m := range []MemberRecord{{Namespace: "acme", Principal: "person:root-owner", Role: "owner"}, {Namespace: "acme", Principal: "person:bob", Role: "owner"}} {
		if err := s.store.PutMember(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	for username, want := range map[string]string{
		"admin": "person:user-admin", "4dmin": "person:user-4dmin", "Root": "person:user-root", "bootstrap": "person:user-bootstrap", "c0nt0so": "person:user-c0nt0so",
		"carol": "person:user-carol", "CAR0L": "person:user-car0l", "ca.rol": "person:user-ca.rol", "bob": "person:bob-2", "dave": "person:dave",
	} {
		p, err := s.Accounts.admit(ctx, identity{issuer: "https://id.example", subject: "s-" + username, username: username})
		if err != nil || p.Name != want {
			t.Errorf("%q is called %q %v, want %q", username, p.Name, err, want)
		}
		again, err := s.Accounts.admit(ctx, identity{issuer: "https://id.example", subject: "s-" + username, username: "carol"})
		if err != nil || again.Name != want {
			t.Errorf("%q under another name is called %q %v: an account belongs to issuer and subject", username, again.Name, err)
		}
	}
	if _, err := s.Accounts.Add(ctx, admin, "root-owner", nil); !errors.Is(err, artifact.ErrConflict) {
		t.Errorf("a name that holds a role already: %v", err)
	}
}

// TestCredentialsOfDevEndWithIt: who can reach a server that asks for no login
// makes no credential for the same data behind logins.
func TestCredentialsOfDevEndWithIt(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx := t.Context()
	o := s.o
	o.AnyoneIsAdminUnsafe = true
	dev, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := dev.Tokens.Create(ctx, DevAdmin(), TokenRequest{Kind: AdminToken, Label: "bootstrap"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dev.Accounts.Add(ctx, DevAdmin(), "eve", []Role{RoleAdmin}); err != nil {
		t.Fatal(err)
	}
	personal, _, err := dev.Accounts.CreateToken(ctx, DevAdmin(), "person:eve", "x", s.clock.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, made := range []Token{token, personal} {
		if _, err := dev.Authority.Authenticate(ctx, made.Reveal(), direct...); err != nil {
			t.Errorf("there: %v", err)
		}
		if _, err := s.auth.Authenticate(ctx, made.Reveal(), direct...); !errors.Is(err, artifact.ErrUnverified) {
			t.Errorf("behind logins: %v", err)
		}
	}
	if _, made, err := s.Tokens.Bootstrap(ctx, FirstToken{}); !made || err != nil {
		t.Errorf("the first start behind logins makes its token: %v %v", made, err)
	}
}
