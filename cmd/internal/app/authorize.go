package app

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/quota"
)

// devAdmin is who everybody is on a server that is for trying out.
var devAdmin = auth.DevAdmin()

// authorize implements the API's question: may the caller do this, to a plugin
// or, where there is none, to the site?
func (a *accounts) authorize(ctx context.Context, action api.Action, plugin string) error {
	r := auth.Site()
	if plugin != "" {
		r = auth.InRepository(plugin)
	}
	return a.may(ctx, auth.Action(action), r)
}

// identify refuses who is nobody.
func (a *accounts) identify(ctx context.Context) error {
	if a.cfg.Dev || auth.From(ctx).LoggedIn() {
		return nil
	}
	return asProblem(&auth.ChallengeError{Detail: "this needs a login"})
}

// asProblem says what the accounts refuse in the codes of the API. What they
// could not tell keeps no kind.
func asProblem(err error) error {
	var ask *auth.ChallengeError
	var many *auth.TooManyError
	var taken *auth.TakenError
	var full *quota.Error
	var known *index.Problem
	var missing *auth.MissingAccountError
	var claims *auth.ClaimsError
	var held *auth.HeldError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &claims):
		return index.NewProblem(index.CodeQuota, claims.Error(), "ask an admin of the site to claim it and transfer it to you, or to raise limits.claims")
	case errors.As(err, &missing):
		return index.NewProblem(index.CodeAccountNotFound, missing.Error(), "check the spelling: members are person:<name> or admin:<name>",
			"somebody who has not logged in yet takes an invitation: oarlock publisher invite NAMESPACE --role ROLE")
	case errors.As(err, &ask):
		return index.NewProblem(index.CodeUnauthorized, ask.Detail, "oarlock login HOST, or send Authorization: Bearer <token>")
	case errors.As(err, &many):
		return index.NewProblem(index.CodeTooManyRequests, many.Error())
	case errors.As(err, &taken) && taken.Name == taken.Resembles:
		return index.NewProblem(index.CodeNamespaceTaken, taken.Error(), "ask its owners to make you a member, or choose another name")
	case errors.As(err, &taken):
		return index.NewProblem(index.CodeNamespaceResembles, taken.Error(), "choose a name that cannot be mistaken for "+taken.Resembles)
	case errors.As(err, &held):
		return index.NewProblem(index.CodeNamespaceHeld, held.Error(), "ask an admin of the site: they claim it (oarlock publisher claim "+held.Name+") and give it to you (oarlock publisher transfer)", "or choose another name")
	case errors.As(err, &full):
		return index.NewProblem(index.CodeQuota, full.Error())
	case errors.Is(err, artifact.ErrDenied):
		return index.NewProblem(index.CodeNotAuthorised, sentence(err))
	}
	return err
}

// refuse answers a request that got no further than its credentials.
func (a *accounts) refuse(w http.ResponseWriter, r *http.Request, err error) {
	var ask *auth.ChallengeError
	var many *auth.TooManyError
	switch {
	case errors.As(err, &ask):
		w.Header().Set("WWW-Authenticate", ask.Header)
	case errors.As(err, &many):
		w.Header().Set("Retry-After", seconds(many.RetryAfter))
	}
	api.Refuse(w, r, asProblem(err))
}

// sentence is err without the kind at its end, which the code says.
func sentence(err error) string {
	return strings.TrimSuffix(err.Error(), ": "+artifact.ErrDenied.Error())
}

// seconds are whole ones, at least one.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
