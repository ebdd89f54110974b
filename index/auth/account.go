package auth

import (
	"context"
	"slices"
	"time"
)

// LocalIssuer is the issuer of accounts that an admin made, for sites without
// an OpenID provider. No provider can have it, because theirs is a URL.
const LocalIssuer = "local"

// AddAccount makes an account for a person, with site roles. It has no
// password: CreateTokenFor makes the token that its holder logs in with. A
// name that is there, or that holds roles already, wraps artifact.ErrConflict.
func (a *Authority) AddAccount(ctx context.Context, by Principal, name string, roles []Role) (PersonRecord, error) {
	if err := a.require(ctx, by, AccountsManage, Site()); err != nil {
		return PersonRecord{}, err
	}
	if !isLabel(name) {
		return PersonRecord{}, invalid("account name %q: expected 1 to 64 of a-z, 0-9 and \"-\"", name)
	}
	grants, err := siteGrants(roles)
	if err != nil {
		return PersonRecord{}, err
	}
	p := PersonRecord{Name: string(Person) + ":" + name, Issuer: LocalIssuer, Subject: name, Grants: grants, CreatedAt: a.o.Now().UTC()}
	err = a.o.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.requireUnheld(ctx, p.Name); err != nil {
			return err
		}
		if err := a.o.Store.AddPerson(ctx, p); err != nil {
			return err
		}
		return a.audit(ctx, by, "account:create", p.Name, nil, p)
	})
	return p, err
}

// SetSiteRoles gives an account other site roles. Those of somebody who logs
// in through an OpenID provider follow from its claims and are set there.
func (a *Authority) SetSiteRoles(ctx context.Context, by Principal, person string, roles []Role) error {
	grants, err := siteGrants(roles)
	if err != nil {
		return err
	}
	return a.changeAccount(ctx, by, "account:roles", person, func(p *PersonRecord) error {
		if p.Issuer != LocalIssuer {
			return invalid("account %s: its roles follow from the claims of %s: change the grants of the login instead", person, p.Issuer)
		}
		p.Grants = grants
		return nil
	})
}

// Disable ends an account and all that hangs on it, at once; false undoes it.
func (a *Authority) Disable(ctx context.Context, by Principal, person string, disabled bool) error {
	return a.changeAccount(ctx, by, "account:disable", person, func(p *PersonRecord) error {
		p.Disabled = disabled
		return nil
	})
}

func (a *Authority) changeAccount(ctx context.Context, by Principal, action, person string, set func(*PersonRecord) error) error {
	if err := a.require(ctx, by, AccountsManage, Site()); err != nil {
		return err
	}
	before, err := a.o.Store.Person(ctx, person)
	if err != nil {
		return err
	}
	after := before
	if err := set(&after); err != nil {
		return err
	}
	defer a.forget()
	return a.o.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.o.Store.UpdatePerson(ctx, after); err != nil {
			return err
		}
		return a.audit(ctx, by, action, person, before, after)
	})
}

// CreateTokenFor makes a personal token for an account that an admin made, to
// be handed to its holder.
func (a *Authority) CreateTokenFor(ctx context.Context, by Principal, person, label string, expires time.Time) (Token, TokenRecord, error) {
	q := TokenRequest{Kind: PersonalToken, Label: label, ExpiresAt: expires}
	if err := a.checkRequest(q); err != nil {
		return Token{}, TokenRecord{}, err
	}
	if err := a.require(ctx, by, AccountsManage, Site()); err != nil {
		return Token{}, TokenRecord{}, err
	}
	p, err := a.o.Store.Person(ctx, person)
	if err != nil {
		return Token{}, TokenRecord{}, err
	}
	if p.Issuer != LocalIssuer {
		return Token{}, TokenRecord{}, denied("account %s: it logs in through %s: nobody else makes tokens in its name", person, p.Issuer)
	}
	return a.issue(ctx, by, q, p.Name, "")
}

// Accounts are all accounts, by name.
func (a *Authority) Accounts(ctx context.Context, by Principal) ([]PersonRecord, error) {
	if err := a.require(ctx, by, AccountsManage, Site()); err != nil {
		return nil, err
	}
	return a.o.Store.People(ctx)
}

func siteGrants(roles []Role) ([]string, error) {
	var grants []string
	for _, r := range roles {
		if !slices.Contains(SiteRoles(), r) {
			return nil, invalid("role %q: expected admin, reviewer or operator", r)
		}
		if g := (Grant{Role: r}).String(); !slices.Contains(grants, g) {
			grants = append(grants, g)
		}
	}
	return grants, nil
}
