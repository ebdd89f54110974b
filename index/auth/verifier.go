package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

type principalKey struct{}

// With puts p into a context, for the parts of this server that act themselves.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns the principal of a context. Where nobody put one it is the zero
// Principal, who may do nothing.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(principalKey{}).(Principal)
	return p
}

type againKey struct{}

// withAgain lets Now find out again who sends a request.
func withAgain(ctx context.Context, ask func(context.Context) (Principal, error)) context.Context {
	return context.WithValue(ctx, againKey{}, ask)
}

// Now is From, found out again where the request that ctx is of came with
// credentials: for what goes on for longer than a question, such as a stream. It is
// as old as CacheTTL at most. An error says that the credentials do not hold any
// more, or that it could not tell.
func Now(ctx context.Context) (Principal, error) {
	ask, ok := ctx.Value(againKey{}).(func(context.Context) (Principal, error))
	if !ok {
		return From(ctx), nil
	}
	return ask(ctx)
}

// maxCredential is the longest Authorization header that is looked at.
const maxCredential = 16 << 10

// direct are the kinds of token that may come with any request.
var direct = []TokenKind{RobotToken, PersonalToken, AdminToken, HostToken}

// Identify says who sends r: an access token or a robot, personal or admin
// token or the credential of a host as Bearer, one of the latter as the password of Basic, or nobody.
// Errors wrap artifact.ErrUnverified when the credentials do not hold; any
// other could not tell. On a server for trying out it is DevAdmin, whatever r shows.
func (a *Authority) Identify(r *http.Request) (Principal, error) {
	if a.open {
		return DevAdmin(), nil
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return Nobody(), nil
	}
	if len(header) > maxCredential || len(r.Header.Values("Authorization")) > 1 {
		return Principal{}, errCredentials
	}
	key := sha256.Sum256([]byte(header))
	if p, ok := a.who.bearers.get(key); ok {
		return p, nil
	}
	began, now := a.who.bearers.begin(), a.who.now()
	p, until, err := a.who.identify(r.Context(), header)
	if err != nil {
		return Principal{}, err
	}
	a.who.bearers.put(key, p, began, now, until)
	return p, nil
}

// Anybody is who sends a request without credentials: what is made for nobody in
// particular is made for this principal.
func (a *Authority) Anybody() Principal { return a.open.anybody() }

func (cs *credentials) identify(ctx context.Context, header string) (Principal, time.Time, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	rest = strings.TrimSpace(rest)
	switch strings.ToLower(scheme) {
	case "basic":
		password, ok := basicPassword(rest)
		if !ok {
			return Principal{}, time.Time{}, errCredentials
		}
		rest = password
	case "bearer":
		if !LooksLikeToken(rest) {
			return cs.verifyAccess(ctx, rest)
		}
	default:
		return Principal{}, time.Time{}, errCredentials
	}
	h, err := cs.authenticate(ctx, rest, direct)
	return h.principal, h.known(), err
}

// basicPassword ignores the user name: the token says who it is.
func basicPassword(encoded string) (string, bool) {
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", false
	}
	_, password, ok := strings.Cut(string(b), ":")
	return password, ok
}

// Authenticated puts the principal of each request into its context for next.
// Credentials that do not hold are answered by refuse with a *ChallengeError,
// and a check that could not be made with an error of no kind; nil writes the
// errors of the OCI API.
func (a *Authority) Authenticated(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	if refuse == nil {
		refuse = a.writeError
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := a.Identify(r)
		if errors.Is(err, artifact.ErrUnverified) {
			a.log.refusedLogin(r.Context(), "", err)
			refuse(w, r, a.challenge("invalid_token", withoutKind(err)))
			return
		}
		if err != nil {
			refuse(w, r, err)
			return
		}
		ctx := With(r.Context(), p)
		if p.LoggedIn() {
			ctx = withAgain(ctx, func(context.Context) (Principal, error) { return a.Identify(r) })
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
