package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/artifact/durable"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/cmd/internal/sitebackup"
	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/jobs"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
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
}

// A Server is the whole of Oarlock on one listener. Open makes one, Run serves
// until its context ends, Close gives everything back.
type Server struct {
	cfg        config.Config
	clock      clock.Clock // tells all parts for how long something is good
	log        *slog.Logger
	listener   net.Listener
	metrics    *metricsServer // nil without an address of its own
	storage    *storage.Storage
	blocks     *block.Blocks
	registry   *registry.Registry
	accounts   *accounts
	index      *joined
	pushes     pushes
	garbage    *upkeep.Collector
	scrubber   *upkeep.Scrubber
	jobs       *jobs.Runner
	statements *publisher.Statements
	publog     *publog.Log
	publishers *publisher.Service
	lifecycles *lifecycle.Service
	signing    *signing
	api        *api.Server
	http       *http.Server
	tls        *edge.Certificate // nil without
	reserves   reserves
	tasks      *periodic.Runner
	watch      *databaseWatch
	leaving    atomic.Bool // /readyz says so
	closing    sync.Once
}

// Open takes the data directory and the address, and reads the last catalog.
// What keeps it from starting wraps config.ErrUnusable.
func Open(ctx context.Context, cfg config.Config, o Options) (_ *Server, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, log: o.Log, clock: o.Clock}
	if cfg.Drill.ClockOffset != 0 {
		s.clock = clock.Offset(cfg.Drill.ClockOffset)
	}
	for _, w := range cfg.Warnings() {
		o.Log.WarnContext(ctx, w)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	if err := s.found(ctx, o.AdoptRegistry); err != nil {
		return nil, config.Unusable(err)
	}
	if err := s.accounts.preparePlatformKey(ctx); err != nil {
		return nil, config.Unusable(err)
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := s.openPublog(ctx, o.AdoptRegistry, metrics); err != nil {
		return nil, config.Unusable(err)
	}
	if s.index, err = join(ctx, cfg, s.storage, s.blocks, s.registry, s.accounts.store, s.publog, s.clock, o.Log); err != nil {
		return nil, config.Unusable(err)
	}
	if err := s.accounts.open(ctx, s.publicURL(), content{newLedgerStore(s.registry), s.index}, o.Notice); err != nil {
		return nil, config.Unusable(fmt.Errorf("accounts: %w", err))
	}
	s.pushes.join(s.index.ingest, metrics)
	s.accounts.registerSilence(metrics)
	s.watch = newDatabaseWatch(s.accounts.store, s.log, metrics)
	s.reserves.register(metrics)
	s.openPublishers(o.DNS, metrics)
	if s.pushes.others, err = joinReplicas(ctx, cfg, s.index, o.Log); err != nil {
		return nil, config.Unusable(err)
	}
	s.accounts.usage = quota.NewCounter(s.accounts.quota, storedBy(s.registry), s.clock, o.Log)
	s.garbage = upkeep.NewCollector(s.registry, cfg.GC, s.accounts.acts(), func() { s.accounts.usage.RecountSoon("") }, s.clock, o.Log, metrics)
	s.pushes.deleted = s.accounts.usage.RecountSoon
	s.scrubber = upkeep.NewScrubber(s.registry, cfg.Scrub, s.clock, o.Log, metrics)
	if s.signing, err = s.openSigning(ctx, metrics); err != nil {
		return nil, config.Unusable(err)
	}
	s.api = api.New(api.Options{
		Live: s.index.live, Engine: audited{s.index, s.garbage, s.accounts}, Keeper: upkeep.Keeper{Registry: s.registry, Acts: s.accounts.acts(), Scrubber: s.scrubber}, Ready: s.ready, Degraded: s.degraded,
		Visibility: s.accounts.visibility, Authorize: s.accounts.authorize, Identify: s.accounts.identify, Accounts: s.accounts.served(s.statements.Settle), Publishers: s.publishers, Lifecycles: s.lifecycles, Publog: s.publog, Policies: policies{s.index, s.accounts}, Gate: drafts{s.registry, s.accounts}, Signing: s.signing.asAPI(),
		PublicURL: cfg.PublicURL, Version: o.Version, MaxBody: cfg.Limits.Body,
		Log: o.Log, Metrics: metrics, MetricsElsewhere: s.metrics != nil, Dev: cfg.Dev, Now: s.clock.Now,
	})
	s.metrics.answer(cfg, metrics, o.Log)
	observer := edge.NewObserver(o.Log, metrics)
	observer.Within, observer.Panicked = api.InRequest, api.RefuseInternal
	if err := s.face(observer, metrics); err != nil {
		return nil, config.Unusable(err)
	}
	s.tasks = periodic.New(s.clock, o.Log, s.periodic()...)
	metrics.MustRegister(s.tasks)
	return s, nil
}

// take opens what only one server may hold: the storage and the address. Both
// are tried, so that every problem is named at once.
func (s *Server) take(ctx context.Context) error {
	var problems []string
	var err error
	if err = durable.Private(s.cfg.Data); err != nil {
		problems = append(problems, fmt.Sprintf("data: directory %q: %s", s.cfg.Data, err))
	} else if err := sitebackup.Unfinished(s.cfg.Data); err != nil {
		problems = append(problems, err.Error())
	} else if s.reserves, err = openReserves(s.cfg, s.log); err != nil {
		problems = append(problems, fmt.Sprintf("limits.reserve: %s", err))
	} else if s.accounts, err = openStore(ctx, s.cfg, s.clock, s.log); err != nil {
		problems = append(problems, fmt.Sprintf("db: %s", err))
	} else if err := s.openRegistry(ctx); err != nil {
		key := "data"
		if s.cfg.Storage != "" {
			key = "storage"
		}
		problems = append(problems, fmt.Sprintf("%s: %s", key, err))
	}
	if s.listener, err = net.Listen("tcp", s.cfg.Listen); err != nil {
		problems = append(problems, fmt.Sprintf("listen: %s", err))
	}
	if s.metrics, err = openMetrics(s.cfg); err != nil {
		problems = append(problems, fmt.Sprintf("metrics: %s", err))
	}
	if len(problems) > 0 {
		return &config.Error{Problems: problems}
	}
	return nil
}

func (s *Server) openRegistry(ctx context.Context) error {
	place, err := config.ParseStorage(s.cfg.Storage)
	if err != nil {
		return err
	}
	dir := place.Dir
	if dir == "" {
		dir = filepath.Join(s.cfg.Data, "registry")
	}
	origins, err := upkeep.Origins(&s.cfg)
	if err != nil {
		return err
	}
	s.storage, err = storage.Open(ctx, storage.Options{
		Options: driver.Options{Dir: dir, Driver: place.Driver, Parameters: place.Parameters, Replicated: s.cfg.Replicated(), Logger: s.log},
		Locker:  s.accounts.locker(), Withholds: s.pushes.withheld, Now: s.clock.Now, CacheBytes: s.cfg.Limits.Cache,
	})
	if err != nil {
		return err
	}
	s.blocks, err = block.Open(ctx, s.storage, block.Options{
		Announce:  func(ctx context.Context, notice []byte) error { return s.pushes.others.TellBlock(ctx, notice) },
		Withholds: s.pushes.withheld,
	})
	if err != nil {
		return err
	}
	s.registry, err = registry.New(s.storage, s.blocks, registry.Options{
		Guards: s.guards(), Principal: principal, Namespaces: registry.Prefixes(settingsOf(s.cfg)),
		Sink: &s.pushes, Redirect: place.Redirect, RepairFrom: origins,
	})
	return err
}

// Addr is the address that is listened on, with its real port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is how to reach the server from this machine.
func (s *Server) URL() string {
	scheme := "http"
	if s.cfg.TLSCert != "" {
		scheme = "https"
	}
	return scheme + "://" + s.Addr()
}

// publicURL is how clients reach the server.
func (s *Server) publicURL() string {
	if s.cfg.PublicURL != "" {
		return s.cfg.PublicURL
	}
	return s.URL()
}

// Run serves until ctx ends, then lets requests in flight finish, and returns
// nil. It returns early only when one of its parts breaks.
func (s *Server) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	broken, wait := begin(background, s.parts())
	s.log.InfoContext(ctx, "listening", "address", s.Addr(), "url", s.URL(), "data", s.cfg.Data, "dev", s.cfg.Dev)
	var err error
	select {
	case err = <-broken:
	case <-ctx.Done():
		if err = s.leave(broken, context.Cause(ctx)); err == nil {
			err = s.finish()
		}
	}
	stop()
	return errors.Join(err, wait())
}

// ErrAtOnce is wrapped by the cause of a context whose end ends a Server
// without the wait of limits.unready: somebody at a terminal waits for it.
var ErrAtOnce = errors.New("at once")

// leave says by /readyz that the server goes, and serves on for as long as
// whoever sends requests here takes to see it.
func (s *Server) leave(broken <-chan error, why error) error {
	s.leaving.Store(true)
	if s.cfg.Limits.Unready <= 0 || errors.Is(why, ErrAtOnce) {
		return nil
	}
	s.log.Info("leaving: not ready any more, still serving", "for", s.cfg.Limits.Unready)
	timer := time.NewTimer(s.cfg.Limits.Unready)
	defer timer.Stop()
	select {
	case err := <-broken:
		return err
	case <-timer.C:
		return nil
	}
}

// ready says why requests are better sent to another server.
func (s *Server) ready() error {
	if s.leaving.Load() {
		return errors.New("the server is about to end")
	}
	if since, serves := s.accounts.Silent(); !serves {
		return fmt.Errorf("the database does not answer since %s, and what was known of the namespaces is too old to serve reads", since.UTC().Format(time.RFC3339))
	}
	return s.index.ready()
}

// degraded says what does not work while requests are served, or "".
func (s *Server) degraded() string {
	if silent := s.accounts.degraded(); silent != "" {
		return silent
	}
	if err := s.publog.Stuck(); err != nil {
		return err.Error()
	}
	return s.watch.degraded()
}

func (s *Server) finish() error {
	s.log.Info("draining", "at_most", s.cfg.Limits.Drain)
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Limits.Drain)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		s.log.Warn("requests were cut", "err", err)
		return s.http.Close()
	}
	return nil
}

// Reload reads the trust policy and the certificate again; of what cannot be
// used the earlier one stays.
func (s *Server) Reload(ctx context.Context) error {
	return errors.Join(s.reloadCertificate(ctx), s.index.reload(ctx))
}

// Close gives storage and address back. Run has written the checkpoint.
func (s *Server) Close() (err error) {
	s.closing.Do(func() {
		if s.registry != nil {
			err = s.registry.Close()
		}
		if s.blocks != nil {
			s.blocks.Close()
		}
		if s.storage != nil {
			err = errors.Join(err, s.storage.Close())
		}
		err = errors.Join(err, s.pushes.others.Close())
		if s.accounts != nil {
			err = errors.Join(err, s.accounts.close())
		}
		err = errors.Join(err, s.metrics.close())
		if s.listener != nil {
			if e := s.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
				err = errors.Join(err, e)
			}
		}
	})
	return err
}

// settingsOf are those of the namespaces in a configuration.
func settingsOf(c config.Config) map[string]registry.Settings {
	m := make(map[string]registry.Settings, len(c.Namespaces))
	for name, s := range c.Namespaces {
		m[name] = registry.Settings{FreeTags: s.FreeTags}
	}
	return m
}
