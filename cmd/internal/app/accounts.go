package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/lostkeys"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/index/store"
)

// accounts are who may do what at this site, and what they did.
type accounts struct {
	rights
	given      *given
	parts      *auth.Parts
	namespaces *auth.Namespaces
	people     *auth.Accounts
	tokens     *auth.Tokens
	trail      *auth.AuditLog
	acts       audit.Log // does what is written down
	store      *store.Store
	keys       *auth.Keys
	clock      clock.Clock
	quota      *quota.Quota
	usage      *quota.Counter
	login      *auth.Login  // nil without a provider
	logStuck   func() error // why nothing is published: the publication log
	anonymous  string       // what nobody in particular may do

	requests, logins *auth.Limiter
}

// openAccounts makes the authority over what the premises hold, and prints the
// bootstrap token when there is none yet.
func openAccounts(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, index *joined, anew *lostkeys.Anew, o Options) (*accounts, error) {
	db, url := p.database.store, publicURL(cfg, p.listener)
	keys, err := openKeys(ctx, cfg, at, db, anew)
	if err != nil {
		return nil, err
	}
	with, gives := authOptions(cfg, at, db, keys, url, content{ledgerReader{p.storage, index.basis}, index}, o.Log), new(given)
	with.Given = gives.to
	parts, err := auth.New(with)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(parts.Namespaces.Load(ctx), parts.Authority.Learn(ctx)); err != nil {
		return nil, err
	}
	login, err := openLogin(cfg, parts.Accounts)
	if err != nil {
		return nil, err
	}
	limits, r := quota.New(db, cfg.QuotaOf), cfg.Rate
	a := &accounts{
		rights: rights{parts.Authority}, given: gives,
		parts: parts, namespaces: parts.Namespaces, people: parts.Accounts, tokens: parts.Tokens, trail: parts.Log,
		acts: actsOf(parts), store: db, keys: keys, clock: at, quota: limits, usage: quota.NewCounter(limits, storedBy(p.storage), at, o.Log), login: login, logStuck: index.publog.Stuck, anonymous: cfg.Anonymous,
		requests: auth.NewLimiter("requests", auth.Rate{PerSecond: r.PerSecond, Burst: r.Burst}, at.Now),
		logins:   auth.NewLimiter("failed logins", auth.Rate{PerSecond: r.Logins, Burst: r.LoginBurst}, at.Now),
	}
	if cfg.Footing().AnyoneIsAdmin {
		return a, nil
	}
	return a, bootstrap(ctx, cfg.Bootstrap, parts.Tokens, url, o.Notice)
}

func authOptions(cfg config.Config, at clock.Clock, db *store.Store, keys *auth.Keys, url string, holds auth.Content, log *slog.Logger) auth.Options {
	stores := auth.OneDatabase(db)
	stores.TokenBounds, stores.TenantRoles, stores.Hosts = db, db, db
	return auth.Options{
		Stores: stores, Keys: keys, PublicURL: url, PublicCatalog: true, LoginToPull: cfg.Anonymous != "pull", LoginToRead: cfg.Anonymous != "pull" && cfg.Anonymous != "catalog",
		Logger: log, AnyoneIsAdminUnsafe: cfg.Footing().AnyoneIsAdmin, MaxClaims: cfg.Limits.Claims, MaxTokens: cfg.Limits.Tokens,
		PublishingOff: func() bool { return cfg.Publishing == "off" },
		Changed:       changesOf(db).Changed,
		Content:       holds,
		Now:           at.Now,
	}
}

// openLogin is the login through a provider; nil without one.
func openLogin(cfg config.Config, people *auth.Accounts) (*auth.Login, error) {
	provider, err := cfg.OIDC.Options(cfg.Outbound)
	if err != nil || provider == nil {
		return nil, err
	}
	seal, err := sealKey(cfg.Data)
	if err != nil {
		return nil, err
	}
	return auth.NewLogin(people, auth.LoginOptions{Provider: *provider, SealKey: seal})
}

func openKeys(ctx context.Context, cfg config.Config, at clock.Clock, db *store.Store, anew *lostkeys.Anew) (*auth.Keys, error) {
	if cfg.Shared() {
		return auth.OpenKeys(ctx, tokenKeys{db}, auth.KeyOptions{Now: at.Now})
	}
	dir := filepath.Join(cfg.Data, "keys")
	files, err := auth.OpenKeyFiles(dir)
	if err == nil {
		err = anew.Unless(ctx, lostkeys.MayIssue(ctx, dir, files, db))
	}
	if err != nil {
		return nil, err
	}
	return auth.OpenKeys(ctx, files, auth.KeyOptions{Now: at.Now})
}

// pruneAudit lets rows of the log go whose time is over.
func pruneAudit(ctx context.Context, db *store.Store, keep time.Duration, now time.Time, log *slog.Logger) error {
	if keep == 0 {
		return nil
	}
	n, err := db.PruneAudit(ctx, auth.NewProcess("audit").Name, now.Add(-keep), now)
	if n > 0 {
		log.InfoContext(ctx, "audit: rows were removed after their time", "rows", n, "keep", keep)
	}
	return err
}

func hostOf(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return strings.TrimRight(host, "/")
}

// RecoverAdmin makes another admin token, good until a time or, where that is
// zero, for ever, for an operator who lost the others
// and holds the data directory or the database of cfg.
func RecoverAdmin(ctx context.Context, cfg config.Config) (token string, until time.Time, err error) {
	at := clock.Offset(cfg.Drill.ClockOffset)
	db, err := store.Open(ctx, cfg.DatabaseURL())
	if err != nil {
		return "", until, config.Unusable(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// A token made in a database that was lost, or that anybody could write to,
	// would be the admin of whatever is founded there next.
	if err := auth.BelongsToSite(ctx, db); err != nil {
		return "", until, notRecovered(cfg, err)
	}
	keys, err := openKeys(ctx, cfg, at, db, lostkeys.NewAnew(false, nil))
	if err != nil {
		return "", until, config.Unusable(err)
	}
	// Nothing is signed here, so that any URL will do.
	parts, err := auth.New(auth.Options{Stores: auth.OneDatabase(db), Keys: keys, PublicURL: "http://127.0.0.1", Now: at.Now})
	if err != nil {
		return "", until, err
	}
	t, until, err := parts.Tokens.Recover(ctx, cfg.Bootstrap.RecoveryLifetime)
	if err != nil {
		return "", until, err
	}
	return t.Reveal(), until, nil
}
