package app

import (
	"context"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

func accountOf(p auth.PersonRecord) index.Account {
	a := index.Account{
		Principal: p.Name, Issuer: p.Issuer, Email: p.Email, Roles: p.Grants, Disabled: p.Disabled,
		CreatedAt: p.CreatedAt, LoggedInAt: index.MomentOf(p.LoggedInAt),
	}
	if a.Roles == nil {
		a.Roles = []string{}
	}
	return a
}

// People implements api.People.
func (d desk) People(ctx context.Context) ([]index.Account, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	records, err := d.a.people.List(ctx, by)
	if err != nil {
		return nil, auth.Problem(err)
	}
	people := make([]index.Account, len(records))
	for i, r := range records {
		people[i] = accountOf(r)
	}
	return people, nil
}

// AddPerson implements api.People.
func (d desk) AddPerson(ctx context.Context, q index.NewAccount) (index.Account, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Account{}, err
	}
	p, err := d.a.people.Add(ctx, by, q.Name, rolesOf(q.Roles))
	if err != nil {
		return index.Account{}, auth.Problem(err)
	}
	return accountOf(p), nil
}

// ChangePerson implements api.People.
func (d desk) ChangePerson(ctx context.Context, principal string, c index.AccountChange) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	if c.Roles != nil {
		if err := d.a.people.SetRoles(ctx, by, principal, rolesOf(*c.Roles)); err != nil {
			return auth.Problem(err)
		}
	}
	if c.Disabled != nil {
		return auth.Problem(d.a.people.Disable(ctx, by, principal, *c.Disabled))
	}
	return nil
}

// TokenFor implements api.People.
func (d desk) TokenFor(ctx context.Context, principal string, q index.NewPersonalToken) (index.CreatedToken, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.CreatedToken{}, err
	}
	t, rec, err := d.a.people.CreateToken(ctx, by, principal, q.Label, q.ExpiresAt)
	if err != nil {
		return index.CreatedToken{}, auth.Problem(err)
	}
	return index.CreatedToken{Token: tokenOf(rec), Secret: t.Reveal()}, nil
}

func rolesOf(names []string) []auth.Role {
	roles := make([]auth.Role, len(names))
	for i, name := range names {
		roles[i] = auth.Role(name)
	}
	return roles
}
