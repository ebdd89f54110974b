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
func (a *Authority) admit(ctx context.Context, who identity) (PersonRecord, error) {
	defer a.forget()
	now := a.o.Now().UTC()
	p, err := a.o.Store.PersonOf(ctx, who.issuer, who.subject)
	if errors.Is(err, artifact.ErrNotFound) {
		return a.register(ctx, who)
	}
	if err != nil {
		return PersonRecord{}, err
	}
	if p.Disabled {
		return PersonRecord{}, denied("account %s: it is disabled", p.Name)
	}
	p.Email, p.Grants, p.LoggedInAt = who.email, who.grants, now
	return p, a.o.Store.UpdatePerson(ctx, p)
}

func (a *Authority) register(ctx context.Context, who identity) (PersonRecord, error) {
	now := a.o.Now().UTC()
	p := PersonRecord{Issuer: who.issuer, Subject: who.subject, Email: who.email, Grants: who.grants, CreatedAt: now, LoggedInAt: now}
	for i := 1; i <= maxHandles; i++ {
		p.Name = string(Person) + ":" + who.handle()
		if i > 1 {
			p.Name += fmt.Sprintf("-%d", i)
		}
		err := a.o.Store.InTx(ctx, func(ctx context.Context) error {
			if err := a.o.Store.AddPerson(ctx, p); err != nil {
				return err
			}
			return a.audit(ctx, Principal{Kind: Person, Name: p.Name}, "account:create", p.Name, nil, p)
		})
		if !errors.Is(err, artifact.ErrConflict) {
			return p, err
		}
		// The name or the subject: two windows may log the same person in.
		if known, err := a.o.Store.PersonOf(ctx, who.issuer, who.subject); !errors.Is(err, artifact.ErrNotFound) {
			return known, err
		}
	}
	return PersonRecord{}, fmt.Errorf("account: no free name like %q: %w", who.handle(), artifact.ErrConflict)
}
