package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// LocalIssuer is the issuer of accounts that an admin made, for sites without
// an OpenID provider. No provider can have it, because theirs is a URL.
const LocalIssuer = "local"

// Accounts are the people who have an account here.
type Accounts struct {
	may      *Authority
	store    PersonStore
	members  MemberStore
	tokens   *Tokens
	tx       Transactor
	log      *AuditLog
	reserved []string
	now      func() time.Time
}

// Add makes an account for a person, with site roles. It has no
// password: CreateTokenFor makes the token that its holder logs in with. A
// name that is there, or that holds roles already, wraps artifact.ErrConflict.
func (ac *Accounts) Add(ctx context.Context, by Principal, name string, roles []Role) (PersonRecord, error) {
	if err := ac.may.require(ctx, by, AccountsManage, Site()); err != nil {
		return PersonRecord{}, err
	}
	if !isLabel(name) {
		return PersonRecord{}, invalid("account name %q: expected 1 to 64 of a-z, 0-9 and \"-\"", name)
	}
	grants, err := siteGrants(roles)
	if err != nil {
		return PersonRecord{}, err
	}
	p := PersonRecord{Name: string(Person) + ":" + name, Issuer: LocalIssuer, Subject: name, Grants: grants, CreatedAt: ac.now().UTC()}
	err = ac.tx.InTx(ctx, func(ctx context.Context) error {
		if err := ac.requireUnheld(ctx, p.Name); err != nil {
			return err
		}
		switch err := ac.store.AddPerson(ctx, p); {
		case errors.Is(err, artifact.ErrConflict):
			return &AccountExistsError{Principal: p.Name}
		case err != nil:
			return err
		}
		return ac.log.audit(ctx, by, "account:create", p.Name, nil, p)
	})
	return p, err
}

// An AccountExistsError is the refusal of an account whose name is taken. It
// wraps artifact.ErrConflict.
type AccountExistsError struct{ Principal string }

func (e *AccountExistsError) Error() string { return "there is an account " + e.Principal + " already" }

// Unwrap makes errors.Is(err, artifact.ErrConflict) hold.
func (e *AccountExistsError) Unwrap() error { return artifact.ErrConflict }

// SetRoles gives an account other site roles. Those of somebody who logs
// in through an OpenID provider follow from its claims and are set there.
func (ac *Accounts) SetRoles(ctx context.Context, by Principal, person string, roles []Role) error {
	grants, err := siteGrants(roles)
	if err != nil {
		return err
	}
	return ac.change(ctx, by, "account:roles", person, func(p *PersonRecord) error {
		if p.Issuer != LocalIssuer {
			return invalid("account %s: its roles follow from the claims of %s: change the grants of the login instead", person, p.Issuer)
		}
		p.Grants = grants
		return nil
	})
}

// Disable ends an account and all that hangs on it, at once; false undoes it.
func (ac *Accounts) Disable(ctx context.Context, by Principal, person string, disabled bool) error {
	action := "account:enable"
	if disabled {
		action = "account:disable"
	}
	return ac.change(ctx, by, action, person, func(p *PersonRecord) error {
		p.Disabled = disabled
		return nil
	})
}

func (ac *Accounts) change(ctx context.Context, by Principal, action, person string, set func(*PersonRecord) error) error {
	if err := ac.may.require(ctx, by, AccountsManage, Site()); err != nil {
		return err
	}
	defer ac.may.forget()
	return untilSettled(func() error {
		before, err := ac.store.Person(ctx, person)
		if err != nil {
			return err
		}
		after := before
		if err := set(&after); err != nil {
			return err
		}
		if before.Disabled == after.Disabled && slices.Equal(before.Grants, after.Grants) {
			return nil // it is so already, which is no act
		}
		return ac.tx.InTx(ctx, func(ctx context.Context) error {
			if err := ac.store.UpdatePerson(ctx, before, after); err != nil {
				return err
			}
			return ac.log.audit(ctx, by, action, person, before, after)
		})
	})
}

// CreateToken makes a personal token for an account that an admin made, to
// be handed to its holder.
func (ac *Accounts) CreateToken(ctx context.Context, by Principal, person, label string, expires time.Time) (Token, TokenRecord, error) {
	q := TokenRequest{Kind: PersonalToken, Label: label, ExpiresAt: expires}
	if err := ac.tokens.checkRequest(q); err != nil {
		return Token{}, TokenRecord{}, err
	}
	if err := ac.may.require(ctx, by, AccountsManage, Site()); err != nil {
		return Token{}, TokenRecord{}, err
	}
	p, err := ac.store.Person(ctx, person)
	if err != nil {
		return Token{}, TokenRecord{}, err
	}
	if p.Issuer != LocalIssuer {
		return Token{}, TokenRecord{}, denied("account %s: it logs in through %s: nobody else makes tokens in its name", person, p.Issuer)
	}
	return ac.tokens.issue(ctx, by, q, p.Name, "")
}

// List are all accounts, by name.
func (ac *Accounts) List(ctx context.Context, by Principal) ([]PersonRecord, error) {
	if err := ac.may.require(ctx, by, AccountsManage, Site()); err != nil {
		return nil, err
	}
	return ac.store.People(ctx)
}

func siteGrants(roles []Role) ([]string, error) {
	var grants []string
	for _, r := range roles {
		if !permissions.gives(r, OnSite) {
			return nil, invalid("role %q: expected %s", r, oneOf(SiteRoles()))
		}
		if g := (Grant{Role: r}).String(); !slices.Contains(grants, g) {
			grants = append(grants, g)
		}
	}
	return grants, nil
}
