package auth

import (
	"context"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// Account is who an account is now, without any credential that speaks for it:
// for what is done in its name while it is away. People have accounts, and so
// have admins for as long as a token of theirs is good; a robot is its token,
// and has none. One that is gone or was disabled is artifact.ErrNotFound; any
// other error could not tell.
func (a *Authority) Account(ctx context.Context, name string) (Principal, error) {
	if dev := DevAdmin(); name == dev.Name {
		if !a.open {
			return Principal{}, noAccount(name)
		}
		return dev, nil
	}
	return a.who.account(ctx, name)
}

func (cs *credentials) account(ctx context.Context, name string) (Principal, error) {
	p := Principal{Name: name}
	switch kind, _, _ := strings.Cut(name, ":"); Kind(kind) {
	case Person:
		p.Kind = Person
		var err error
		if p.Grants, err = cs.grantsOf(ctx, name); err != nil {
			return Principal{}, err
		}
	case Admin:
		p.Kind, p.Grants = Admin, []Grant{{Role: RoleAdmin}}
		good, err := cs.isAdmin(ctx, name)
		if err != nil {
			return Principal{}, err
		}
		if !good {
			return Principal{}, noAccount(name)
		}
	default:
		return Principal{}, noAccount(name)
	}
	return cs.withMemberships(ctx, p)
}

func noAccount(name string) error { return fmt.Errorf("account %s: %w", name, artifact.ErrNotFound) }

// isAdmin reports whether an admin token of that name is good.
func (cs *credentials) isAdmin(ctx context.Context, name string) (bool, error) {
	records, err := cs.tokens.ListTokens(ctx, "", name)
	if err != nil {
		return false, fmt.Errorf("account %s: %w", name, err)
	}
	now := cs.now()
	for _, rec := range records {
		if rec.Kind == string(AdminToken) && rec.RevokedAt.IsZero() && cs.open.lasts(rec) && (rec.ExpiresAt.IsZero() || now.Before(rec.ExpiresAt)) {
			return true, nil
		}
	}
	return false, nil
}

// grantsOf are those that a person's last login gave. One without an account, or
// with one that was disabled, is artifact.ErrNotFound.
func (cs *credentials) grantsOf(ctx context.Context, name string) ([]Grant, error) {
	person, err := cs.people.Person(ctx, name)
	if err == nil && person.Disabled {
		err = artifact.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("credentials: %s: %w", name, err)
	}
	var grants []Grant
	for _, text := range person.Grants {
		g, err := ParseGrant(text)
		if err != nil {
			return nil, fmt.Errorf("credentials: stored grant: %w", err)
		}
		grants = append(grants, g)
	}
	return grants, nil
}
