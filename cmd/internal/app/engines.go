package app

import (
	"context"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/lostkeys"
	"github.com/oarlock/oarlock/cmd/internal/notices"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/emergency"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/index/tenant"
	"github.com/oarlock/oarlock/policy/entitlement"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/integrity"
)

var (
	_ api.Publishers  = (*publisher.Service)(nil)
	_ api.Lifecycles  = (*lifecycle.Service)(nil)
	_ api.Emergencies = (*emergency.Service)(nil)
	_ api.Tenants     = (*tenant.Service)(nil)
)

// standings is the catalog as the lifecycle asks for it.
type standings struct {
	*ingest.Ingester
	live *catalog.Live
}

// Plugin implements lifecycle.Catalog.
func (s standings) Plugin(id artifact.Name) (*catalog.Plugin, bool) {
	return s.live.Current().Snapshot.Plugin(id)
}

// Generation implements tenant.Catalog.
func (s standings) Generation() *catalog.Generation { return s.live.Current() }

// Subscribe implements tenant.Catalog.
func (s standings) Subscribe() (<-chan *catalog.Generation, func()) { return s.live.Subscribe() }

// Deleted implements lifecycle.Catalog.
func (s standings) Deleted() []artifact.Name { return s.live.Current().Snapshot.Deleted() }

// engines do what goes beyond the registry and its catalog.
type engines struct {
	jobs        *jobs.Runner
	notices     *notices.Notices
	statements  *publisher.Statements
	publishers  *publisher.Service
	lifecycles  *lifecycle.Service
	derived     <-chan struct{} // closed once it is known what was deleted
	emergencies *emergency.Service
	tenants     *tenant.Service
	reseal      periodic.Task // of what an older key sealed
	stored      upkeep.Stored
	garbage     *upkeep.Collector
	scrubber    *upkeep.Scrubber
	ends        []periodic.Task // of blocks
	signing     *signing        // nil where nothing is published
	catalog     *signed.Guard
	carrier     *publog.Carrier
	finish      func(context.Context) error // appends that were cut
}

// openEngines makes the appender of ledgers first, and then who appends by it.
func openEngines(ctx context.Context, cfg config.Config, at clock.Clock, p *premises, a *accounts, index *joined, r *registry.Registry,
	catalog *signed.Guard, anew *lostkeys.Anew, o Options, metrics prometheus.Registerer) (*engines, error) {
	bytes, own := ledgerStore{ledgerReader{p.storage, index.basis}, r, a.store.Writable}, index.basis.Platform
	appender := statements.New(statements.Options{Store: bytes, Judge: index.basis.Ledgers, Signer: own.Signer,
		Remembered: index.ingest.Remembered, Told: index.told, Now: at.Now})
	told, err := openNotices(cfg, at, p, a, index, bytes, o)
	if err != nil {
		return nil, err
	}
	var stops *emergency.Service
	carry := func(ctx context.Context, id string) error { return stops.Carry(ctx, id) }
	runner, stated := openStatements(at, a, append(told.Kinds(), emergency.NewJobKind(carry)), catalog.Ask, publisher.StatementsOptions{
		Ledger: appender, Catalog: index.ingest, Registry: bytes, Own: own.Trusted.ID, Log: o.Log,
	})
	metrics.MustRegister(runner, told, p.refused)
	registerLedgers(index, stated, metrics)
	var dns publisher.TXTResolver = net.DefaultResolver
	if o.DNS != nil {
		dns = o.DNS
	}
	origins, err := upkeep.Origins(&cfg)
	if err != nil {
		return nil, err
	}
	stored := upkeep.Stored{Storage: p.storage, Blocks: p.blocks, Checks: integrity.New(p.storage, origins), Server: r}
	signing, err := openSigning(ctx, cfg, at, p, a, index, r, catalog, anew, o.Log, metrics)
	if err != nil {
		return nil, err
	}
	tenants, reseal, err := openTenants(ctx, cfg, at, a, standings{index.ingest, index.live}, signing, o.Log)
	if err != nil {
		return nil, err
	}
	stops = openEmergencies(ctx, cfg, at, a, emergency.Options{Registry: stored, Holds: stored, Ledger: appender, Catalog: index.ingest,
		Own: own.Trusted.ID, Platform: platformNames(index),
		Jobs: emergencyJobs{runner, a.store.Jobs()}, Notices: notices.Emergencies{Outbox: index.outbox, Clock: at}, Changed: stopped(signing), Took: tookEmergencies(metrics), Logger: o.Log},
		o.emergencies)
	moves := lifecycle.Options{
		Catalog: standings{index.ingest, index.live}, Registry: bytes, Rights: a, Acts: a.acts, Ledger: appender, Own: own.Trusted.ID, Clock: at,
		Deletions: p.database.store, Emergency: stops.About, Erase: r.Erase,
	}
	if o.lifecycles != nil {
		o.lifecycles(&moves)
	}
	ends := &upkeep.Ends{Blocks: p.blocks, Emergencies: stops, Note: a.trail.Note, Clock: at, Log: o.Log}
	return &engines{
		emergencies: stops, ends: ends.Tasks(metrics), notices: told,
		stored: stored, jobs: runner, statements: stated, signing: signing, catalog: catalog, tenants: tenants, reseal: reseal,
		carrier: openCarrier(at, p, index, bytes, o.Log, metrics), finish: finishCut(index, appender, o.Log),
		publishers: publisher.New(publisher.Options{
			Store: a.store, Catalog: index.ingest, Registry: bytes, Rights: a, Acts: a.acts, Statements: stated,
			Own: own.Trusted.ID, Platforms: func() []trust.Signer { return own.Platforms(index.basis.Signed.Trust()) }, DNS: dns, Now: at.Now,
		}),
		lifecycles: lifecycle.New(moves), derived: index.ingest.ReadyC(),
		garbage:  upkeep.NewCollector(stored, cfg.GC, a.acts, func() { a.usage.RecountSoon("") }, at, o.Log, metrics),
		scrubber: upkeep.NewScrubber(stored, cfg.Scrub, at, o.Log, metrics),
	}, nil
}

// openNotices makes what tells of events.
func openNotices(cfg config.Config, at clock.Clock, p *premises, a *accounts, index *joined, bytes ledgerStore, o Options) (*notices.Notices, error) {
	return notices.New(notices.Options{
		Config: cfg, Store: a.store, Outbox: index.outbox,
		Statements: notices.Ledgers{Registry: bytes, Catalog: index.ingest, Plugin: standings{index.ingest, index.live}.Plugin},
		Rights:     a, May: a.May, Audit: a.trail, PublicURL: publicURL(cfg, p.listener), Version: o.Version, Clock: at, Log: o.Log,
		HasPlugin: p.storage.Known, Withholding: withholding(p, index),
	})
}

// withholding is what may not be pulled, as registry and catalog know it.
func withholding(p *premises, j *joined) notices.Withholding {
	return notices.Withholding{Quarantine: p.storage.AnyQuarantined, Still: p.still, Blocks: func() []notices.Block {
		var out []notices.Block
		for _, b := range p.blocks.Held() {
			out = append(out, notices.Block{Repository: b.Repository, Digest: b.Digest, Code: b.Code, Reason: b.Reason, By: b.By,
				Emergency: b.Emergency, At: b.At, Until: b.Until})
		}
		return out
	}, Catalog: func() (*catalog.Generation, error) { return j.live.Current(), j.ready() }}
}

// still reports whether something is withheld, as the storage has it now: what this
// replica remembers may be behind what others did.
func (p *premises) still(ctx context.Context, w notify.Withheld) (bool, error) {
	if w.Kind == notify.KindQuarantined {
		if err := p.storage.LearnQuarantine(ctx); err != nil {
			return false, err
		}
		_, is, err := p.blocks.Withheld(ctx, w.Repository, w.Digest) // a block besides says nothing of the bytes
		return is, err
	}
	_, is, err := p.blocks.Named(ctx, block.Block{Repository: w.Repository, Digest: w.Digest})
	if err == nil && !is && w.Digest != "" {
		_, is, err = p.blocks.Named(ctx, block.Block{Digest: w.Digest})
	}
	return is, err
}

// openStatements makes what brings statements into ledgers and the jobs that do.
// Each asks the other: a statement that is refused puts its namespace in doubt.
// changed is told when a namespace was set to what its ledger says.
func openStatements(at clock.Clock, a *accounts, others []jobs.Kind, changed func(), o publisher.StatementsOptions) (*jobs.Runner, *publisher.Statements) {
	appending := publisher.Appending{Ledger: o.Ledger, Catalog: o.Catalog, Own: o.Own}
	var stated *publisher.Statements
	refused := func(ctx context.Context, s index.NewStatement, why error) error { return stated.Refuse(ctx, s, why) }
	runner := jobs.NewRunner(jobs.RunnerOptions{Queue: a.store.Jobs(), InTx: a.store.InTx, Clock: at, Log: o.Log, Poll: jobsEvery},
		append(others, statements.NewJobKind(statements.Statements{Append: appending.Append, Refused: refused}, o.Log))...)
	o.Changes, o.Rows, o.Acts, o.Jobs, o.Forget, o.Clock = changesOf(a.store), a.store, a.trail, statementJobs{runner, a.store}, func() { a.namespaces.Forget(); changed() }, at
	stated = publisher.NewStatements(o)
	return runner, stated
}

// emergencyJobs keep and do the jobs of emergencies.
type emergencyJobs struct {
	*jobs.Runner
	jobs.Queue
}

// openEmergencies joins emergencies with the accounts, and says where there are too
// few people for them.
func openEmergencies(ctx context.Context, cfg config.Config, at clock.Clock, a *accounts, o emergency.Options,
	change func(*emergency.Options)) *emergency.Service {
	o.Store, o.Tx, o.People, o.Rights, o.Acts, o.Log = a.store, a.store, a.store, a, a.acts, a.trail
	o.Approvers, o.Clock = cfg.Approvers, at
	if cfg.Footing().AnyoneIsAdmin {
		o.Approvers, o.AnyoneUnsafe = 1, auth.DevAdmin().Name
	}
	if place, err := config.ParseStorage(cfg.Storage); err == nil && place.Redirect {
		o.SignedURLs = place.RedirectFor
	}
	if change != nil {
		change(&o)
	}
	s := emergency.New(o)
	s.WarnOfTooFew(ctx)
	s.Resume(ctx)
	return s
}

// platformNames name a platform as the trust policy does, with the id of its key.
func platformNames(index *joined) func(id digest.Digest) string {
	return func(id digest.Digest) string {
		for _, p := range index.basis.Signed.Trust().Platforms() {
			if p.ID == id {
				return p.Name + " (" + id.String() + ")"
			}
		}
		return id.String()
	}
}

// emergencyBuckets are those of the times of emergencies, in seconds.
var emergencyBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// newRefused measures the time from the decision of an emergency until this replica
// refuses what it names, whichever replica decided it.
func newRefused() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "oarlock_emergency_refused_seconds",
		Help:    "Time from the decision of an emergency to when this replica refuses a manifest that it names.",
		Buckets: emergencyBuckets})
}

// countRefused measures by took.
func countRefused(at clock.Clock, took prometheus.Observer) func(b block.Block) {
	return func(b block.Block) {
		if b.Emergency != "" {
			took.Observe(max(0, at.Since(b.At)).Seconds())
		}
	}
}

// tookEmergencies counts how long the steps of emergencies take.
func tookEmergencies(metrics prometheus.Registerer) func(step string, d time.Duration) {
	took := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "oarlock_emergency_seconds",
		Help:    "Time from the decision of a step of an emergency to when all that follows from it is done here, by the state.",
		Buckets: emergencyBuckets}, []string{"state"})
	for _, s := range index.EmergencyStates() {
		took.WithLabelValues(string(s))
	}
	metrics.MustRegister(took)
	return func(step string, d time.Duration) { took.WithLabelValues(step).Observe(d.Seconds()) }
}

// registerLedgers counts the ledgers that do not hold, and what waits for one.
func registerLedgers(index *joined, stated *publisher.Statements, metrics prometheus.Registerer) {
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_ledgers_bad", Help: "Ledgers that do not hold: forged, reordered, cut, forked or unreadable."},
			func() float64 { return float64(len(index.ingest.BadLedgers())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_ledger_outbox", Help: "Changes of namespaces whose statement is not in its ledger yet."},
			func() float64 {
				ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
				defer cancel()
				n, err := stated.Waiting(ctx)
				if err != nil {
					return -1
				}
				return float64(n)
			}))
}

// statementJobs are done by the runner, and counted by the database.
type statementJobs struct {
	*jobs.Runner
	*store.Store
}

// changesOf has each change of a namespace stated in its ledger.
func changesOf(db *store.Store) publisher.Changes {
	return publisher.Changes{Store: db, Queue: db.Jobs()}
}

// content is what is stored as the accounts ask for it.
type content struct {
	ledgerReader
	index *joined
}

var _ auth.Content = content{}

// Namespaces implements auth.Content.
func (c content) Namespaces(ctx context.Context) ([]string, error) { return c.storage.Namespaces(ctx) }

// Said implements auth.Content.
func (c content) Said(ctx context.Context, name string) (auth.Holding, error) {
	return publisher.Said(ctx, name, c.ledgerReader, c.index.ingest, c.index.basis.Platform.Trusted.ID)
}

// openTenants makes what keeps tenants, and what seals anew what they keep once the key
// is another one.
func openTenants(ctx context.Context, cfg config.Config, at clock.Clock, a *accounts, catalog tenant.Catalog, signing *signing,
	log *slog.Logger) (*tenant.Service, periodic.Task, error) {
	tiers, err := entitlement.NewTiers(cfg.Tiers)
	if err != nil {
		return nil, periodic.Task{}, err
	}
	desired := tenant.DesiredOptions{Lifetime: cfg.Desired.Lifetime, Grace: cfg.Desired.Grace}
	if signing != nil {
		desired.Signer = signing.keys
	}
	used, err := a.store.SealKeys(ctx)
	if err != nil {
		return nil, periodic.Task{}, err
	}
	ring, err := cfg.SealRing(used)
	if err != nil {
		return nil, periodic.Task{}, err
	}
	reseal := &tenant.Resealer{Seals: a.store, Ring: ring, Log: log}
	s := tenant.New(tenant.Options{
		Store: a.store, InTx: a.store.InTx, Rights: a, Acts: a.acts, Tiers: tiers, Catalog: catalog, Clock: at, Ring: ring,
		Public: a.Open, Credentials: a.parts.Hosts, Desired: desired, Changed: a.store.TenantsChanged,
		Exists: func(ctx context.Context, principal string) error {
			return auth.Problem(a.people.Require(ctx, principal))
		},
		Forget: a.namespaces.Forget,
	})
	a.given.Store(s)
	return s, periodic.Task{Name: "seal_rotation", Every: resealEvery, AtStart: true, Run: reseal.Run}, nil
}

// given is what hosts are given. The accounts ask the tenants for it, and the tenants
// the accounts who may: that is a circle, and here is where it is closed.
type given struct{ atomic.Pointer[tenant.Service] }

// to is what a host is given.
func (g *given) to(ctx context.Context, id, host string) (auth.Given, error) {
	if s := g.Load(); s != nil {
		return s.Given(ctx, id, host)
	}
	return auth.Given{}, errNotFollowed
}
