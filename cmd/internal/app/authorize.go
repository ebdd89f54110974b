package app

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/account"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
)

// served are the accounts and the audit log as the API asks for them.
type served struct {
	account.Service
	audit.Reader
}

var _ api.Accounts = served{}

// servedAccounts joins accounts with what states their changes.
func servedAccounts(a *accounts, e *engines) served {
	return served{
		account.New(account.Options{Parts: a.parts, Store: a.store, Settle: e.statements.Settle, PublicChanged: e.publicChanged, Usage: a.usage.Report}),
		audit.Reader{Store: a.store, Acts: a.acts},
	}
}

// rights are what the authority says, in the words of those who ask.
type rights struct{ *auth.Authority }

// May implements publisher.Rights.
func (a rights) May(ctx context.Context, action auth.Action, r auth.Resource) error {
	return auth.Problem(a.Check(ctx, action, r))
}

// actsOf does what is audited, for whoever may.
func actsOf(p *auth.Parts) audit.Log { return audit.Log{May: rights{p.Authority}.May, Rows: p.Log} }

// authorize implements the API's question: may the caller do this, to a plugin,
// to a publisher or, where there is neither, to the site?
func (a rights) authorize(ctx context.Context, action api.Action, name string) error {
	r := auth.Site()
	if strings.Contains(name, "/") {
		r = auth.InRepository(name)
	} else if name != "" {
		r = auth.InNamespace(name)
	}
	return a.May(ctx, auth.Action(action), r)
}

// identify refuses who is nobody.
func identify(ctx context.Context) error {
	if auth.From(ctx).LoggedIn() {
		return nil
	}
	return auth.Problem(&auth.ChallengeError{Detail: "this needs a login"})
}

// refuse answers a request that got no further than its credentials.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	var ask *auth.ChallengeError
	var many *auth.TooManyError
	switch {
	case errors.As(err, &ask):
		w.Header().Set("WWW-Authenticate", ask.Header)
	case errors.As(err, &many):
		w.Header().Set("Retry-After", seconds(many.RetryAfter))
	}
	api.Refuse(w, r, auth.Problem(err))
}

// seconds are whole ones, at least one.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}

// visibility is what the caller of ctx may know of now: what he may pull. Where the
// server is for trying out, that is everything. Of a stream it is asked again and
// again, so that it ends with his rights.
func (a rights) visibility(ctx context.Context) (catalog.Visibility, error) {
	who, err := auth.Now(ctx)
	if err != nil {
		return catalog.Visibility{}, auth.Problem(err)
	}
	return visibilityOf(ctx, a.Authority, who)
}

// publicVisibility is what everybody may know of: all that is published to nobody
// in particular is made from the part of the catalog that it shows.
func (a rights) publicVisibility(ctx context.Context) (catalog.Visibility, error) {
	return visibilityOf(ctx, a.Authority, a.Anybody())
}

// Open reports whether everybody may know of a plugin.
func (a rights) Open(ctx context.Context, id artifact.Name) (bool, error) {
	s, err := a.Visibility(ctx, a.Anybody())
	return err == nil && s.Pulls(id.String()), err
}

func visibilityOf(ctx context.Context, a *auth.Authority, p auth.Principal) (catalog.Visibility, error) {
	s, err := a.Visibility(ctx, p)
	if err != nil {
		return catalog.Visibility{}, err
	}
	if s.All {
		return catalog.Everything(), nil
	}
	return catalog.Visibility{Class: s.Class, Sees: func(id artifact.Name) bool { return s.Pulls(id.String()) }}, nil
}
