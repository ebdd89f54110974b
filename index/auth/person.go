package auth

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// maxHandles is how many people may want the same name.
const maxHandles = 1000

// admit finds or makes the account of somebody who logged in, and gives it the
// roles of this login. The account belongs to issuer and subject; a name that
// another subject has is never taken over.
func (ac *Accounts) admit(ctx context.Context, who identity) (PersonRecord, error) {
	defer ac.may.forget()
	var p PersonRecord
	err := untilSettled(func() error {
		was, err := ac.store.PersonOf(ctx, who.issuer, who.subject)
		if err != nil {
			return err
		}
		if was.Disabled {
			return denied("account %s: it is disabled", was.Name)
		}
		p = was
		p.Email, p.Grants, p.LoggedInAt = who.email, who.grants, ac.now().UTC()
		return ac.store.UpdatePerson(ctx, was, p)
	})
	if errors.Is(err, artifact.ErrNotFound) {
		return ac.register(ctx, who)
	}
	return p, err
}

// settleTries is how often a change of an account is tried that another one
// came before.
const settleTries = 8

// untilSettled does a change of what it reads itself until no other change came
// between, so that none undoes another: a login that runs while its account is
// disabled leaves it disabled.
func untilSettled(change func() error) error {
	for i := 1; ; i++ {
		if err := change(); i == settleTries || !errors.Is(err, ErrPersonChanged) {
			return err
		}
	}
}

// ErrPersonChanged is that an account is not any more what was read of it; it
// is an artifact.ErrConflict.
var ErrPersonChanged = fmt.Errorf("the account was changed meanwhile, try again: %w", artifact.ErrConflict)

// register makes the account of an identity that was never here. Its name is
// what the provider calls the person, who may have chosen that, so it is never
// one that is reserved, looks like an account that an admin made, or holds
// roles already.
func (ac *Accounts) register(ctx context.Context, who identity) (PersonRecord, error) {
	now := ac.now().UTC()
	free, err := ac.freeNames(ctx)
	if err != nil {
		return PersonRecord{}, err
	}
	handle := who.handle()
	if !free(handle) {
		handle = "user-" + handle
	}
	p := PersonRecord{Issuer: who.issuer, Subject: who.subject, Email: who.email, Grants: who.grants, CreatedAt: now, LoggedInAt: now}
	for i := 1; i <= maxHandles; i++ {
		name := handle
		if i > 1 {
			name += fmt.Sprintf("-%d", i)
		}
		if !free(name) {
			continue
		}
		p.Name = string(Person) + ":" + name
		err := ac.tx.InTx(ctx, func(ctx context.Context) error {
			if err := ac.requireUnheld(ctx, p.Name); err != nil {
				return err
			}
			if err := ac.store.AddPerson(ctx, p); err != nil {
				return err
			}
			return ac.log.audit(ctx, Principal{Kind: Person, Name: p.Name}, "account:create", p.Name, nil, p)
		})
		if !errors.Is(err, artifact.ErrConflict) {
			return p, err
		}
		// The name or the subject: two windows may log the same person in.
		if known, err := ac.store.PersonOf(ctx, who.issuer, who.subject); !errors.Is(err, artifact.ErrNotFound) {
			return known, err
		}
	}
	return PersonRecord{}, fmt.Errorf("account: no free name like %q: %w", handle, artifact.ErrConflict)
}

// freeNames says which handles somebody may be called who chose it himself:
// none that is reserved or looks so, and none that could be mistaken for the
// account of somebody whom an admin made.
func (ac *Accounts) freeNames(ctx context.Context) (func(handle string) bool, error) {
	people, err := ac.store.People(ctx)
	if err != nil {
		return nil, fmt.Errorf("account: %w", err)
	}
	known := map[string]bool{}
	for _, name := range append(append(ReservedNames(), reservedAccounts...), ac.reserved...) {
		known[shape(name)] = true
	}
	for _, p := range people {
		if p.Issuer == LocalIssuer {
			known[shape(p.Subject)] = true
		}
	}
	return func(handle string) bool { return !known[shape(handle)] }, nil
}

// reservedAccounts are names, besides ReservedNames, that speak for the site.
var reservedAccounts = []string{"admins", "bootstrap", "recovery", "dev", "site", "staff", "owner", "maintainer", "publisher", "reader", "moderator", "webmaster", "postmaster", "abuse", "index", "gc"}
