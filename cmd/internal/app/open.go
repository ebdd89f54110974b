package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/cmd/internal/lostkeys"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/emergency"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry"
)

// Options are what a Server needs besides its configuration.
type Options struct {
	Log     *slog.Logger
	Version string
	// Notice says something to the operator once, outside of the log.
	Notice io.Writer
	// DNS looks up what publishers prove their domains with; nil asks the system.
	DNS publisher.TXTResolver
	// Clock is what days are counted by; the zero Clock is the machine's, shifted
	// as the configuration says.
	Clock clock.Clock
	// AdoptRegistry begins a new site where the database holds none and the
	// registry holds something, or where --dev used the database before. It is
	// for one start, so it is no setting.
	AdoptRegistry bool
	// NewKeys makes the keys of the signed catalog and of logins anew where they
	// are lost. It is for one start, so it is no setting.
	NewKeys bool
	// emergencies, if set, changes what emergencies are joined with: a test has the
	// process die between two steps of one.
	emergencies func(*emergency.Options)
	// lifecycles is the same for moves.
	lifecycles func(*lifecycle.Options)
}

// Open takes the data directory and the address, and reads the last catalog.
// What keeps it from starting wraps config.ErrUnusable.
func Open(ctx context.Context, cfg config.Config, o Options) (_ *Server, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings() {
		o.Log.WarnContext(ctx, w)
	}
	at := o.Clock
	if cfg.Drill.ClockOffset != 0 {
		at = clock.Offset(cfg.Drill.ClockOffset)
	}
	held := new(closers)
	defer func() {
		if err != nil {
			err = errors.Join(err, held.close())
		}
	}()
	p, err := take(ctx, cfg, at, o.Log, held)
	if err != nil {
		return nil, err
	}
	s, err := open(ctx, cfg, at, p, held, o)
	if err != nil {
		return nil, config.Unusable(err)
	}
	return s, nil
}

// open joins the parts from the floor up. Each is given all that it needs when
// it is made, so that none of them is there half.
func open(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, held *closers, o Options) (*Server, error) {
	if err := found(ctx, cfg, at, p, o); err != nil {
		return nil, err
	}
	if err := preparePlatformKey(ctx, cfg, p, o.AdoptRegistry); err != nil {
		return nil, err
	}
	anew := lostkeys.NewAnew(o.NewKeys || o.AdoptRegistry, o.Log)
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	p.reserves.register(metrics)

	index, err := follow(ctx, cfg, at, p, o, metrics)
	if err != nil {
		return nil, err
	}
	p.withheld.tell(index.ingest)
	others := openReplicas(ctx, cfg, p, index, o.Log)

	a, err := openAccounts(ctx, cfg, at, p, index, anew, o)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	registerSilence(a.Authority, at, metrics)
	watch := newDatabaseWatch(p.database.store, at, o.Log, metrics)

	roles, catalog := lifecycle.Roles{Rights: a, Holders: p.database.store}, guardCatalog(p, a)
	r, err := openRegistry(cfg, p, a, index, roles, catalog, newPushes(index, a.usage, others, metrics))
	if err != nil {
		return nil, err
	}
	held.add(r.Close)

	e, err := openEngines(ctx, cfg, at, p, a, index, r, catalog, anew, o, metrics)
	if err != nil {
		return nil, err
	}
	well := &health{accounts: a, index: index, watch: watch, stated: e.statements, reserves: p.reserves, notices: e.notices}
	served := openAPI(cfg, at, publicURL(cfg, p.listener), a, index, roles, r, e, well, metrics, o)
	own := newMetricsServer(cfg, p.metrics, metrics, o.Log)
	held.add(own.close)
	all := newHandler(cfg, at, p, a, index, r, e, served, watch, metrics, o.Log)
	if o.NewKeys && !anew.Made() {
		return nil, errors.New("no keys are lost: start without --new-keys, which is for one start")
	}
	front, err := newFront(cfg, at, p.listener, all, served.Drain, metrics, o.Log)
	if err != nil {
		return nil, err
	}
	tasks := periodic.New(at, o.Log, slices.Concat(
		tasksOf(cfg, at, p, a, e, others, watch, front, o.Log), index.tasks(o.Log), upkeep.Uploads(r), []periodic.Task{followEvents(served)})...)
	metrics.MustRegister(tasks)
	return &Server{
		cfg: cfg, clock: at, log: o.Log, listener: p.listener, metrics: own, reserves: p.reserves,
		registry: r, accounts: a, index: index, engines: e, health: well, watch: watch, front: front, tasks: tasks, held: held,
		parts: partsOf(others, index, e, tasks, front, own),
	}, nil
}

// openRegistry serves what the premises hold, and tells pushes of what comes.
func openRegistry(cfg config.Config, p *premises, a *accounts, index *joined, roles lifecycle.Roles,
	catalog *signed.Guard, pushes *pushes) (*registry.Registry, error) {
	place, err := config.ParseStorage(cfg.Storage)
	if err != nil {
		return nil, err
	}
	return registry.New(p.storage, p.blocks, registry.Options{
		Guards: guards(cfg, p, a, index, roles, catalog), Principal: principal, Namespaces: registry.Prefixes(settingsOf(cfg)),
		Sink: pushes, Redirect: place.Redirect,
	})
}

// settingsOf are those of the namespaces in a configuration.
func settingsOf(c config.Config) map[string]registry.Settings {
	m := make(map[string]registry.Settings, len(c.Namespaces))
	for name, s := range c.Namespaces {
		m[name] = registry.Settings{FreeTags: s.FreeTags}
	}
	return m
}

// openAPI answers /api/v1 by the engines.
func openAPI(cfg config.Config, at clock.Clock, site string, a *accounts, index *joined, roles lifecycle.Roles, r *registry.Registry, e *engines,
	well *health, metrics *prometheus.Registry, o Options,
) *api.Server {
	return api.New(api.Options{
		Live: index.live, Engine: engine{e.garbage, index, r, e.stored, a.acts},
		Upkeep: upkeep.Service{Stored: e.stored, Acts: a.acts, Scrubber: e.scrubber, Emergencies: e.emergencies, Now: at.Now},
		Ready:  well.ready, Current: index.ready, Degraded: well.degraded,
		Visibility: a.visibility, Role: roles.Of, Authorize: a.authorize, Identify: identify, Accounts: servedAccounts(a, e),
		Publishers: e.publishers, Lifecycles: e.lifecycles, Emergencies: e.emergencies, Notifications: e.notices.Service,
		Publog: publication{index.publog, a.acts}, Ages: index.ages, MinimumAge: cfg.MinimumAge.Least, Ledgers: index.ingest,
		Tenants: e.tenants, Hold: edge.Hold,
		Events:   toldEvents{a.store, a, site, o.Log},
		Policies: policies{index, a.acts, at.Now, cfg.Footing().ListsDenied},
		Gate:     drafts{r, a.namespaces}, Signing: e.signing.asAPI(),
		PublicURL: cfg.PublicURL, Version: o.Version, MaxBody: cfg.Limits.Body,
		Log: o.Log, Metrics: metrics, MetricsElsewhere: cfg.Metrics != "", ListsDenied: cfg.Footing().ListsDenied, Now: at.Now,
	})
}
