package auth

import (
	"context"
	"log/slog"

	"github.com/oarlock/oarlock/policy"
)

// An Authority answers who asks and what they may do. It changes nothing that
// is kept but the time of a token's last use and the log of what was refused.
// It is safe for concurrent use.
type Authority struct {
	origin
	who       *credentials
	resources *resources
	log       *AuditLog
	// loginToRead lets nobody do anything without a login.
	loginToRead bool
	// open makes everybody who asks DevAdmin.
	open   openDoor
	gives  func(ctx context.Context, tenant, host string) (Given, error)
	logger *slog.Logger
}

// forget makes the next question ask the store.
func (a *Authority) forget() {
	a.who.forget()
	a.resources.forget()
}

// Decide adds what is known about r and decides. An error means that it could
// not tell; the decision is then not allowed either.
func (a *Authority) Decide(ctx context.Context, p Principal, action Action, r Resource) (Decision, error) {
	known, err := a.resources.about(ctx, action, r)
	if err != nil {
		return Decision{policy.Unknown, "unknown", "the store did not answer"}, untold(err, "whether %s on %s is allowed", action, r)
	}
	if known.Given, err = a.given(ctx, p, action, r); err != nil {
		return Decision{policy.Unknown, "unknown", "the store did not answer"}, untold(err, "whether %s is given %s", p.Name, r)
	}
	return Decide(p, action, known), nil
}

// Can is Decide for the principal in ctx, as an answer. DevAdmin can everything
// on a server that is for trying out, and nothing on another.
func (a *Authority) Can(ctx context.Context, action Action, r Resource) (bool, error) {
	if a.open.everything(From(ctx)) {
		return true, nil
	}
	d, err := a.Decide(ctx, From(ctx), action, r)
	return d.Allowed(), err
}

// Check is Can for the principal in ctx, as an error: nil allows, a
// *ChallengeError asks for credentials or for another access token, one that
// wraps artifact.ErrDenied refuses, and any other could not tell.
func (a *Authority) Check(ctx context.Context, action Action, r Resource) error {
	p := From(ctx)
	if a.open.everything(p) {
		return nil
	}
	d, err := a.Decide(ctx, p, action, r)
	switch {
	case err != nil:
		return err
	case d.Outcome == policy.Deny && p.Kind == Anonymous:
		return a.challenge("", d.Reason, challengeScope(action, r))
	case d.Outcome == policy.Deny && d.Code == "access":
		bare := p
		bare.Access = nil
		if all, err := a.Decide(ctx, bare, action, r); err == nil && all.Outcome == policy.Deny && action != RepositoryPull {
			a.log.refused(ctx, p, action, r, all)
			return all.Err() // no other access token would do: asking for one would hide why
		}
		return a.challenge("insufficient_scope", d.Reason, challengeScope(action, r))
	case d.Outcome == policy.Deny && action != RepositoryPull:
		a.log.refused(ctx, p, action, r, d)
	}
	return d.Err()
}

// require is Decide as an error.
func (a *Authority) require(ctx context.Context, by Principal, action Action, r Resource) error {
	d, err := a.Decide(ctx, by, action, r)
	if err != nil {
		return err
	}
	if d.Outcome == policy.Deny && by.LoggedIn() {
		a.log.refused(ctx, by, action, r, d)
	}
	return d.Err()
}

// CheckBase is Check for the API as a whole, GET /v2/: it asks everybody for
// credentials, because that is how clients find the token server. An access
// token issued to nobody is enough.
func (a *Authority) CheckBase(ctx context.Context) error {
	p := From(ctx)
	if p.LoggedIn() || p.Kind == Anonymous && p.Access != nil && !a.loginToRead {
		return nil
	}
	if a.loginToRead {
		return a.challenge("", "log in: this site shows nothing without a login")
	}
	return a.challenge("", "log in, or ask the token server for an anonymous token")
}
