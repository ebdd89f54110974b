package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/registry/storage"
)

// accounts are who may do what at this site, and what they did.
type accounts struct {
	*auth.Authority
	parts      *auth.Parts
	namespaces *auth.Namespaces
	tokens     *auth.Tokens
	people     *auth.Accounts
	trail      *auth.AuditLog
	cfg        config.Config
	log        *slog.Logger
	clock      clock.Clock
	store      *store.Store
	keys       *auth.Keys
	quota      *quota.Quota
	usage      *quota.Counter
	login      *auth.Login // nil without a provider
	locks      *store.AdvisoryLocker
	logStuck   func() error // why nothing is published: the publication log

	requests, logins *auth.Limiter
}

// openStore opens the database and, where it is shared, its locks. The
// authority is made later, when the server's URL is known.
func openStore(ctx context.Context, cfg config.Config, c clock.Clock, log *slog.Logger) (_ *accounts, err error) {
	a := &accounts{cfg: cfg, clock: c, log: log}
	if a.store, err = store.Open(ctx, cfg.DatabaseURL()); err != nil {
		return nil, err
	}
	if cfg.Replicated() {
		if a.locks, err = store.OpenAdvisoryLocker(ctx, cfg.DB); err != nil {
			return nil, errors.Join(err, a.close())
		}
	}
	return a, nil
}

// open makes the authority for a server that clients reach at url, and prints
// the bootstrap token when there is none yet.
func (a *accounts) open(ctx context.Context, url string, holds auth.Content, notice io.Writer) (err error) {
	if a.keys, err = a.openKeys(ctx); err != nil {
		return err
	}
	stores := auth.OneDatabase(a.store)
	stores.TokenBounds = a.store
	parts, err := auth.New(auth.Options{
		Stores: stores, Keys: a.keys, PublicURL: url, PublicCatalog: true, LoginToPull: a.cfg.Anonymous != "pull", LoginToRead: a.cfg.Anonymous != "pull" && a.cfg.Anonymous != "catalog", Logger: a.log, Dev: a.cfg.Dev, MaxClaims: a.cfg.Limits.Claims, MaxTokens: a.cfg.Limits.Tokens,
		PublishingOff: func() bool { return a.cfg.Publishing == "off" },
		Changed:       a.changes().Changed,
		Content:       holds,
		Now:           a.clock.Now,
	})
	if err != nil {
		return err
	}
	a.take(parts)
	if err := errors.Join(a.namespaces.Load(ctx), a.Learn(ctx)); err != nil {
		return err
	}
	a.quota = quota.New(a.store, a.cfg.QuotaOf)
	r := a.cfg.Rate
	a.requests = auth.NewLimiter("requests", auth.Rate{PerSecond: r.PerSecond, Burst: r.Burst}, nil)
	a.logins = auth.NewLimiter("failed logins", auth.Rate{PerSecond: r.Logins, Burst: r.LoginBurst}, nil)
	provider, err := a.cfg.OIDC.Options(a.cfg.Outbound)
	if err != nil {
		return err
	}
	if provider != nil {
		seal, err := a.sealKey()
		if err != nil {
			return err
		}
		if a.login, err = auth.NewLogin(a.people, auth.LoginOptions{Provider: *provider, SealKey: seal}); err != nil {
			return err
		}
	}
	if a.cfg.Dev {
		return nil
	}
	return a.bootstrap(ctx, url, notice)
}

// take keeps the parts of index/auth under the names that this package uses.
func (a *accounts) take(p *auth.Parts) {
	a.parts = p
	a.Authority, a.namespaces, a.tokens, a.people, a.trail = p.Authority, p.Namespaces, p.Tokens, p.Accounts, p.Log
}

func (a *accounts) openKeys(ctx context.Context) (*auth.Keys, error) {
	if a.cfg.Shared() {
		return auth.OpenKeys(ctx, tokenKeys{a.store}, auth.KeyOptions{Now: a.clock.Now})
	}
	files, err := auth.OpenKeyFiles(filepath.Join(a.cfg.Data, "keys"))
	if err != nil {
		return nil, err
	}
	return auth.OpenKeys(ctx, files, auth.KeyOptions{Now: a.clock.Now})
}

// locker is what excludes the writers of other replicas; nil where there are none.
func (a *accounts) locker() storage.Locker {
	if a.locks == nil {
		return nil
	}
	return a.locks
}

// pruneAudit lets rows of the log go whose time is over.
func (a *accounts) pruneAudit(ctx context.Context, now time.Time) error {
	if a.cfg.Audit.Keep == 0 {
		return nil
	}
	n, err := a.store.PruneAudit(ctx, auth.NewProcess("audit").Name, now.Add(-a.cfg.Audit.Keep), now)
	if n > 0 {
		a.log.InfoContext(ctx, "audit: rows were removed after their time", "rows", n, "keep", a.cfg.Audit.Keep)
	}
	return err
}

func (a *accounts) close() error {
	var errs []error
	if a.locks != nil {
		errs = append(errs, a.locks.Close())
	}
	return errors.Join(append(errs, a.store.Close())...)
}

func hostOf(url string) string {
	_, host, _ := strings.Cut(url, "://")
	return strings.TrimRight(host, "/")
}

// RecoverAdmin makes another admin token, good until a time or, where that is
// zero, for ever, for an operator who lost the others
// and holds the data directory or the database of cfg.
func RecoverAdmin(ctx context.Context, cfg config.Config) (token string, until time.Time, err error) {
	a, err := openStore(ctx, cfg, clock.Offset(cfg.Drill.ClockOffset), slog.New(slog.DiscardHandler))
	if err != nil {
		return "", until, config.Unusable(err)
	}
	defer func() { err = errors.Join(err, a.close()) }()
	// A token made in a database that was lost, or that anybody could write to,
	// would be the admin of whatever is founded there next.
	if err := auth.BelongsToSite(ctx, a.store); err != nil {
		return "", until, notRecovered(cfg, err)
	}
	if a.keys, err = a.openKeys(ctx); err != nil {
		return "", until, config.Unusable(err)
	}
	// Nothing is signed here, so that any URL will do.
	parts, err := auth.New(auth.Options{Stores: auth.OneDatabase(a.store), Keys: a.keys, PublicURL: "http://127.0.0.1", Now: a.clock.Now})
	if err != nil {
		return "", until, err
	}
	t, until, err := parts.Tokens.Recover(ctx, cfg.Bootstrap.RecoveryLifetime)
	if err != nil {
		return "", until, err
	}
	return t.Reveal(), until, nil
}
