package account

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

// People are all accounts.
func (s people) People(ctx context.Context) ([]index.Account, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return nil, err
	}
	records, err := s.o.Parts.Accounts.List(ctx, by)
	if err != nil {
		return nil, auth.Problem(err)
	}
	all := make([]index.Account, len(records))
	for i, r := range records {
		all[i] = accountOf(r)
	}
	return all, nil
}

// AddPerson makes an account.
func (s people) AddPerson(ctx context.Context, q index.NewAccount) (index.Account, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.Account{}, err
	}
	p, err := s.o.Parts.Accounts.Add(ctx, by, q.Name, rolesOf(q.Roles))
	if err != nil {
		return index.Account{}, auth.Problem(err)
	}
	return accountOf(p), nil
}

// ChangePerson sets what is given.
func (s people) ChangePerson(ctx context.Context, principal string, c index.AccountChange) error {
	by, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	if c.Roles != nil {
		if err := s.o.Parts.Accounts.SetRoles(ctx, by, principal, rolesOf(*c.Roles)); err != nil {
			return auth.Problem(err)
		}
	}
	if c.Disabled != nil {
		return auth.Problem(s.o.Parts.Accounts.Disable(ctx, by, principal, *c.Disabled))
	}
	return nil
}

// TokenFor makes a personal token for an account that an admin made.
func (s people) TokenFor(ctx context.Context, principal string, q index.NewPersonalToken) (index.CreatedToken, error) {
	by, err := auth.Caller(ctx)
	if err != nil {
		return index.CreatedToken{}, err
	}
	t, rec, err := s.o.Parts.Accounts.CreateToken(ctx, by, principal, q.Label, q.ExpiresAt)
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
