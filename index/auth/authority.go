package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
)

// Options are how an Authority is made. Store, Keys and PublicURL are needed.
type Options struct {
	Store Store
	Keys  *Keys
	// PublicURL is where clients reach the server, such as
	// "https://plugins.example.org". Tokens are issued by it; its host is the
	// service of the token protocol.
	PublicURL string
	// PublishingOff is the site's switch; nil means that publishing is on.
	PublishingOff func() bool
	// Facts may answer for a resource before the store is asked, for
	// namespaces that the configuration knows. False leaves it to the store.
	Facts func(Resource) (Resource, bool)
	// Changed is told of each change to a namespace, in its transaction: what
	// it writes to the same store, such as a message in the outbox that makes
	// a statement of it, becomes true with the change, and its error undoes it.
	Changed func(context.Context, NamespaceChange) error
	// Content is what the registry holds. Without it nothing can be claimed,
	// because nobody can tell whether a name is free.
	Content Content
	// PublicCatalog lets everybody pull the registry's own namespace.
	PublicCatalog bool
	// LoginToPull lets nobody pull without a login, and LoginToRead lets nobody
	// do anything without one.
	LoginToPull, LoginToRead bool
	// Dev is a server that is for trying out: credentials made on it are good
	// only there.
	Dev bool
	// MaxClaims is how many namespaces one person may claim, 0 for no limit. What
	// was closed or given away counts, because its name is used up. Admins of the
	// site are not limited.
	MaxClaims int
	// Reserved are names that nobody can claim, besides ReservedNames.
	Reserved []string
	// TokenLifetime of access tokens, five minutes by default.
	TokenLifetime time.Duration
	// RefreshLifetime of refresh tokens, thirty days by default.
	RefreshLifetime time.Duration
	// Now is the clock, time.Now by default.
	Now func() time.Time
	// Logger defaults to slog.Default.
	Logger *slog.Logger
}

// An Authority answers who asks and what they may do. It is safe for
// concurrent use.
type Authority struct {
	o       Options
	service string
	similar *Lookalikes

	sessions   *ttlCache[string, holder]
	bearers    *ttlCache[[32]byte, Principal]
	namespaces *ttlCache[string, Resource]
	open       *ttlCache[string, *openness] // one, under ""
	known      *ttlCache[string, *openness] // the same, for KnownFor
	opening    sync.Mutex                   // held by who reads it
	silent     silence
	refusals   refusals
}

// New makes an Authority. Errors name every option that is missing or wrong.
func New(o Options) (*Authority, error) {
	var problems []error
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = 5 * time.Minute
	}
	if o.Store == nil {
		problems = append(problems, invalid("auth: Store is missing"))
	}
	if o.Keys == nil {
		problems = append(problems, invalid("auth: Keys are missing"))
	} else if longest := o.TokenLifetime + 2*clockSkew; o.Keys.o.Overlap < longest {
		problems = append(problems, invalid("auth: signing keys overlap for %s, which is less than the %s that an access token may live", o.Keys.o.Overlap, longest))
	}
	u, err := url.Parse(o.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		problems = append(problems, invalid("auth: public URL %q: expected http:// or https:// and a host", o.PublicURL))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
	if o.RefreshLifetime <= 0 {
		o.RefreshLifetime = 30 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	known := newCache[string, *openness](o.Now)
	known.ttl = KnownFor
	return &Authority{
		known: known,
		o:     o, service: u.Host,
		similar:    NewLookalikes(append(ReservedNames(), o.Reserved...)),
		sessions:   newCache[string, holder](o.Now),
		bearers:    newCache[[32]byte, Principal](o.Now),
		namespaces: newCache[string, Resource](o.Now),
		open:       newCache[string, *openness](o.Now),
	}, nil
}

// forget makes the next question ask the store.
func (a *Authority) forget() {
	a.sessions.drop()
	a.bearers.drop()
	a.namespaces.drop()
	a.open.drop()
}

// Decide adds what is known about r and decides. An error means that it could
// not tell; the decision is then not allowed either.
func (a *Authority) Decide(ctx context.Context, p Principal, action Action, r Resource) (Decision, error) {
	known, err := a.facts(ctx, action, r)
	if err != nil {
		return Decision{policy.Unknown, "unknown", "the store did not answer"}, fmt.Errorf("%s on %s: %w", action, r, err)
	}
	return Decide(p, action, known), nil
}

// Check is Decide for the principal in ctx, as an error: nil allows, a
// *ChallengeError asks for credentials or for another access token, one that
// wraps artifact.ErrDenied refuses, and any other could not tell.
func (a *Authority) Check(ctx context.Context, action Action, r Resource) error {
	p := From(ctx)
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
			a.refused(ctx, p, action, r, all) // no other access token would do
		}
		return a.challenge("insufficient_scope", d.Reason, challengeScope(action, r))
	case d.Outcome == policy.Deny && action != RepositoryPull:
		a.refused(ctx, p, action, r, d)
	}
	return d.Err()
}

// CheckBase is Check for the API as a whole, GET /v2/: it asks everybody for
// credentials, because that is how clients find the token server. An access
// token issued to nobody is enough.
func (a *Authority) CheckBase(ctx context.Context) error {
	p := From(ctx)
	if p.LoggedIn() || p.Kind == Anonymous && p.Access != nil && !a.o.LoginToRead {
		return nil
	}
	if a.o.LoginToRead {
		return a.challenge("", "log in: this site shows nothing without a login")
	}
	return a.challenge("", "log in, or ask the token server for an anonymous token")
}

// facts adds to r what the store knows.
func (a *Authority) facts(ctx context.Context, action Action, r Resource) (Resource, error) {
	if r.Class == OnSite {
		return r, nil
	}
	if a.o.Facts != nil {
		if known, ok := a.o.Facts(r); ok {
			known.LoginToPull = a.o.LoginToPull || a.o.LoginToRead
			return known, nil
		}
	}
	r.LoginToPull = a.o.LoginToPull || a.o.LoginToRead
	ask := a.namespaceFacts
	if action == RepositoryPull {
		ask = a.namespaceForPull
	}
	known, err := ask(ctx, r.Namespace)
	if err != nil {
		return r, err
	}
	r.Claimed, r.Closed, r.Public, r.Publishing = known.Claimed, known.Closed, known.Public, known.Publishing
	if a.o.PublishingOff != nil && a.o.PublishingOff() {
		r.Publishing = No
	}
	return r, nil
}

// NamespaceFacts is a namespace with all that its record says of it.
func NamespaceFacts(n NamespaceRecord) Resource {
	return Resource{
		Class: OnNamespace, Namespace: n.Name, Claimed: Yes, Closed: FactOf(!n.ClosedAt.IsZero()),
		Public: FactOf(n.Public), Publishing: FactOf(!n.PublishingOff),
	}
}

func (a *Authority) namespaceFacts(ctx context.Context, name string) (Resource, error) {
	if name == artifact.ReservedPublisher {
		return Resource{Claimed: Yes, Closed: No, Public: FactOf(a.o.PublicCatalog), Publishing: Yes}, nil
	}
	if r, ok := a.namespaces.get(name); ok {
		return r, nil
	}
	began, now := a.namespaces.begin(), a.o.Now()
	r := Resource{Claimed: No, Closed: No, Public: No, Publishing: No}
	asking, cancel := context.WithTimeout(ctx, storeAnswer)
	defer cancel()
	n, err := a.o.Store.Namespace(asking, name)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
	case err != nil && ctx.Err() != nil: // who asked has left
		return Resource{}, err
	case err != nil:
		a.unanswered(now, err)
		return Resource{}, err
	default:
		r = NamespaceFacts(n)
	}
	a.answered()
	a.namespaces.put(name, r, began, now, time.Time{})
	return r, nil
}
