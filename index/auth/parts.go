package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Options are how Parts are made. Stores, Keys and PublicURL are needed.
type Options struct {
	Stores Stores
	Keys   *Keys
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
	// it writes to the same store, such as the job that makes a statement of it,
	// becomes true with the change, and its error undoes it.
	Changed func(context.Context, NamespaceChange) error
	// Given is what a host of a tenant is given now; nil gives hosts nothing.
	Given func(ctx context.Context, tenant, host string) (Given, error)
	// Content is what the registry holds. Without it nothing can be claimed,
	// because nobody can tell whether a name is free.
	Content Content
	// PublicCatalog lets everybody pull the registry's own namespace.
	PublicCatalog bool
	// LoginToPull lets nobody pull without a login, and LoginToRead lets nobody
	// do anything without one.
	LoginToPull, LoginToRead bool
	// AnyoneIsAdminUnsafe makes everybody who comes DevAdmin, who may do
	// everything. Credentials made on such a server are good only there.
	AnyoneIsAdminUnsafe bool
	// MaxClaims is how many namespaces one person may claim, 0 for no limit. What
	// was closed or given away counts, because its name is used up. Admins of the
	// site are not limited.
	MaxClaims int
	// MaxTokens is how many tokens and invitations that have not ended one
	// account may have made, 0 for no limit. Admins of the site are not limited.
	// Of its logins as many last, and the oldest end. Of what has ended as many
	// are remembered.
	MaxTokens int
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

// Parts are what answers for a site, each with what it needs and no more. All
// are safe for concurrent use.
type Parts struct {
	// Authority says who asks and what they may do.
	Authority *Authority
	// Namespaces gives names to owners, and roles in them to members.
	Namespaces *Namespaces
	// Tokens makes credentials and ends them.
	Tokens *Tokens
	// Accounts are the people.
	Accounts *Accounts
	// Hosts makes the credentials of hosts; nil where Stores has no Hosts.
	Hosts *Hosts
	// Log is where all of them write down what was done and refused.
	Log *AuditLog
}

// New makes the Parts of a site. Errors name every option that is missing or wrong.
func New(o Options) (*Parts, error) {
	var problems []error
	if o.TokenLifetime <= 0 {
		o.TokenLifetime = 5 * time.Minute
	}
	if missing := o.Stores.missing(); len(missing) > 0 {
		problems = append(problems, invalid("auth: Stores: missing: %s", strings.Join(missing, ", ")))
	}
	if o.MaxTokens > 0 && o.Stores.TokenBounds == nil {
		problems = append(problems, invalid("auth: Stores: missing: TokenBounds, which MaxTokens needs"))
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
	at := origin{url: o.PublicURL, service: u.Host}
	log := &AuditLog{store: o.Stores.Audit, now: o.Now, logger: o.Logger}
	open := openDoor(o.AnyoneIsAdminUnsafe)
	a := &Authority{origin: at, who: newCredentials(o, at), resources: newResources(o), log: log, open: open, loginToRead: o.LoginToRead,
		logger: o.Logger, gives: o.Given}
	tokens := &Tokens{may: a, store: o.Stores.Tokens, tx: o.Stores.Tx, log: log, open: open, now: o.Now, refreshLifetime: o.RefreshLifetime,
		bound: tokenBound{o.Stores.TokenBounds, o.MaxTokens}}
	accounts := &Accounts{
		may: a, store: o.Stores.People, members: o.Stores.Members, tokens: tokens, tx: o.Stores.Tx, log: log, reserved: o.Reserved, now: o.Now,
	}
	namespaces := &Namespaces{
		may: a, store: o.Stores.Namespaces, members: o.Stores.Members, accounts: accounts, tokens: tokens, tx: o.Stores.Tx, log: log, open: open, now: o.Now,
		content: o.Content, changed: o.Changed, maxClaims: o.MaxClaims, similar: NewLookalikes(append(ReservedNames(), o.Reserved...)),
	}
	parts := &Parts{Authority: a, Namespaces: namespaces, Tokens: tokens, Accounts: accounts, Log: log}
	if o.Stores.Hosts != nil {
		parts.Hosts = &Hosts{store: o.Stores.Hosts, may: a, open: open, now: o.Now}
	}
	return parts, nil
}
