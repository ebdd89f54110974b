package auth

import (
	"context"
	"errors"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Caller is who asks, if it is somebody: what changes things asks nobody in
// particular to log in first, with a *index.Problem.
func Caller(ctx context.Context) (Principal, error) {
	p := From(ctx)
	if !p.LoggedIn() {
		return p, Problem(&ChallengeError{Detail: "log in first"})
	}
	return p, nil
}

// Problem says what the accounts refuse in the codes of the API. What they
// could not tell keeps no kind.
func Problem(err error) error {
	var ask *ChallengeError
	var many *TooManyError
	var taken *TakenError
	var full interface {
		error
		Problem() *index.Problem
	}
	var known *index.Problem
	var missing *MissingAccountError
	var claims *ClaimsError
	var tokens *TokensError
	var held *HeldError
	var exists *AccountExistsError
	var denied *DeniedError
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.As(err, &claims):
		return index.NewProblem(index.CodeQuota, claims.Error(), "ask an admin of the site to claim it and transfer it to you, or to raise limits.claims")
	case errors.As(err, &tokens):
		return index.NewProblem(index.CodeQuota, tokens.Error(), "revoke those that are not used any more: oarlock token list --mine (or --namespace NAMESPACE), oarlock token revoke ID",
			"or ask an admin of the site to raise limits.tokens")
	case errors.As(err, &missing):
		return index.NewProblem(index.CodeAccountNotFound, missing.Error(), "check the spelling: members are person:<name> or admin:<name>",
			"somebody who has not logged in yet takes an invitation: oarlock publisher invite NAMESPACE --role ROLE")
	case errors.As(err, &ask):
		return index.NewProblem(index.CodeUnauthorized, ask.Detail, "oarlock login HOST, or send Authorization: Bearer <token>")
	case errors.As(err, &many):
		return index.NewProblem(index.CodeTooManyRequests, many.Error())
	case errors.As(err, &taken) && taken.Name == taken.Resembles:
		return index.NewProblem(index.CodeNamespaceTaken, taken.Error(), "ask its owners to make you a member, or choose another name")
	case errors.As(err, &taken) && taken.Resembles == "":
		return index.NewProblem(index.CodeNamespaceResembles, taken.Error(), "choose a name that is not one letter, digit or hyphen from this one")
	case errors.As(err, &taken):
		return index.NewProblem(index.CodeNamespaceResembles, taken.Error(), "choose a name that cannot be mistaken for "+taken.Resembles)
	case errors.As(err, &held):
		return index.NewProblem(index.CodeNamespaceHeld, held.Error(), "ask an admin of the site: they claim it (oarlock publisher claim "+held.Name+") and give it to you (oarlock publisher transfer)", "or choose another name")
	case errors.As(err, &exists):
		name := strings.TrimPrefix(exists.Principal, string(Person)+":")
		return index.NewProblem(index.CodeConflict, exists.Error()+"; nothing was changed", "its roles are changed with oarlock account change "+name+" --role ROLE",
			"a token for it is made with oarlock account token "+name+" LABEL", "or choose another name")
	case errors.As(err, &full):
		return full.Problem()
	case errors.As(err, &denied) && stateCodes[denied.Code] != "":
		return index.NewProblem(stateCodes[denied.Code], denied.Reason)
	case errors.Is(err, artifact.ErrDenied):
		return index.NewProblem(index.CodeNotAuthorised, withoutKind(err))
	}
	return err
}

// stateCodes are the codes of refusals that are about what the namespace is, and
// not about the role of who asks.
var stateCodes = map[string]string{
	"unclaimed": index.CodeNamespaceUnclaimed, "closed": index.CodeNamespaceClosed, "publishing_off": index.CodePublishingOff,
}

// withoutKind is err without the kind at its end, which the code says.
func withoutKind(err error) string {
	return strings.TrimSuffix(strings.TrimSuffix(err.Error(), ": "+artifact.ErrDenied.Error()), ": "+artifact.ErrUnverified.Error())
}
