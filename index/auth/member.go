package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

// A MissingAccountError refuses to give something to a principal that does not
// exist: whoever got that name later would have it. It wraps artifact.ErrNotFound.
type MissingAccountError struct {
	Principal string
	// Disabled: the account is there, and nobody can use it.
	Disabled bool
}

func (e *MissingAccountError) Error() string {
	if e.Disabled {
		return fmt.Sprintf("account %q: it is disabled, so it is given nothing", e.Principal)
	}
	return fmt.Sprintf("account %q: there is none of this name here, so it is given nothing", e.Principal)
}

// Unwrap makes errors.Is(err, artifact.ErrNotFound) hold.
func (e *MissingAccountError) Unwrap() error { return artifact.ErrNotFound }

// isMemberName tells names that an account can have from others. Which of them
// exist the store knows.
func isMemberName(s string) bool {
	kind, name, _ := strings.Cut(s, ":")
	switch Kind(kind) {
	case Person:
		return isHandle(name)
	case Admin:
		return isLabel(name)
	}
	return false
}

// isHandle is the grammar of accounts: what identity.handle and AddAccount
// make, with a number behind it where several wanted the same.
func isHandle(s string) bool {
	return s != "" && len(s) <= 70 && strings.Trim(s, "-._") != "" && isLabelOr(s, "._")
}

// Require refuses principals that cannot act here now, because there is none of
// that name or it is disabled: a *MissingAccountError, or one that wraps
// artifact.ErrInvalid where no account has such a name. Any other error could not tell.
func (ac *Accounts) Require(ctx context.Context, principal string) error {
	return ac.requireAccount(ctx, principal)
}

// requireAccount refuses principals that cannot act here now: people without
// an account or with one that is disabled, and admins without a live token.
func (ac *Accounts) requireAccount(ctx context.Context, principal string) error {
	if !isMemberName(principal) {
		return invalid("member %q: expected person:<name> or admin:<name>; a robot has a token instead", principal)
	}
	if strings.HasPrefix(principal, string(Admin)+":") {
		live, err := ac.tokens.liveAdmin(ctx, principal)
		if err == nil && !live {
			err = &MissingAccountError{Principal: principal}
		}
		return err
	}
	p, err := ac.store.Person(ctx, principal)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return &MissingAccountError{Principal: principal}
	case err != nil:
		return untold(err, "whether %s exists", principal)
	case p.Disabled:
		return &MissingAccountError{Principal: principal, Disabled: true}
	}
	return nil
}

// liveAdmin reports whether an admin token of this name is good now.
func (ts *Tokens) liveAdmin(ctx context.Context, principal string) (bool, error) {
	tokens, err := ts.store.ListTokens(ctx, "", principal)
	if err != nil {
		return false, untold(err, "whether %s exists", principal)
	}
	now := ts.now()
	return slices.ContainsFunc(tokens, func(t TokenRecord) bool {
		return t.Kind == string(AdminToken) && ts.open.lasts(t) && t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
	}), nil
}

// requireUnheld refuses a name for a new account that holds roles already: a
// site of before accounts had to exist may have given it some, and they were
// meant for somebody else.
func (ac *Accounts) requireUnheld(ctx context.Context, principal string) error {
	held, err := ac.members.MembershipsOf(ctx, principal)
	if err != nil {
		return untold(err, "which roles %s holds already", principal)
	}
	if len(held) == 0 {
		return nil
	}
	return fmt.Errorf("account %s: the name is %s of %s already, given before there was an account: remove that role, or choose another name: %w",
		principal, held[0].Role, held[0].Namespace, artifact.ErrConflict)
}
