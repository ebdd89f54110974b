package app

import (
	"context"
	"net"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/index/store"
	"github.com/oarlock/oarlock/policy/trust"
)

var (
	_ api.Publishers = (*publisher.Service)(nil)
	_ api.Lifecycles = (*lifecycle.Service)(nil)
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

// openPublishers makes what appends to the ledgers of publishers, and what
// answers by them.
func (s *Server) openPublishers(dns publisher.TXTResolver, metrics prometheus.Registerer) {
	bytes, platform := newLedgerStore(s.registry), s.index.basis.Platform
	appender := statements.New(statements.Options{Store: bytes, Judge: s.index.basis.Ledgers, Signer: platform.Signer,
		Remembered: s.index.ingest.Remembered, Now: s.clock.Now})
	appending := publisher.Appending{Ledger: appender, Catalog: s.index.ingest, Own: platform.Trusted.ID}
	s.jobs = jobs.NewRunner(jobs.RunnerOptions{Queue: s.accounts.store.Jobs(), InTx: s.accounts.store.InTx, Clock: s.clock, Log: s.log, Poll: jobsEvery},
		statements.NewJobKind(appending.Append, s.log))
	metrics.MustRegister(s.jobs)
	s.statements = publisher.NewStatements(publisher.StatementsOptions{
		Changes: s.accounts.changes(), Jobs: statementJobs{s.jobs, s.accounts.store}, Ledger: appender, Catalog: s.index.ingest, Registry: bytes, Clock: s.clock, Log: s.log,
	})
	if dns == nil {
		dns = net.DefaultResolver
	}
	s.publishers = publisher.New(publisher.Options{
		Store: s.accounts.store, Catalog: s.index.ingest, Registry: bytes, Rights: s.accounts,
		Acts: s.accounts.acts(), Statements: s.statements,
		Own: platform.Trusted.ID, Platforms: func() []trust.Signer { return platform.Platforms(s.index.basis.Signed.Trust()) }, DNS: dns, Now: s.clock.Now,
	})
	s.lifecycles = lifecycle.New(lifecycle.Options{
		Catalog: standings{s.index.ingest, s.index.live}, Registry: bytes, Rights: s.accounts, Acts: s.accounts.acts(), Ledger: appender, Own: platform.Trusted.ID, Clock: s.clock,
	})
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_ledgers_bad", Help: "Ledgers that do not hold: forged, reordered, cut, forked or unreadable."},
			func() float64 { return float64(len(s.index.ingest.BadLedgers())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_ledger_outbox", Help: "Changes of namespaces whose statement is not in its ledger yet."},
			func() float64 {
				ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
				defer cancel()
				n, err := s.statements.Waiting(ctx)
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

// changes has each change of a namespace stated in its ledger.
func (a *accounts) changes() publisher.Changes {
	return publisher.Changes{Store: a.store, Queue: a.store.Jobs()}
}

// content is the registry as the accounts ask for it.
type content struct {
	ledgerStore
	index *joined
}

var _ auth.Content = content{}

// Namespaces implements auth.Content.
func (c content) Namespaces(ctx context.Context) ([]string, error) { return c.registry.Namespaces(ctx) }

// Said implements auth.Content.
func (c content) Said(ctx context.Context, name string) (auth.Holding, error) {
	return publisher.Said(ctx, name, c.ledgerStore, c.index.ingest, c.index.basis.Platform.Trusted.ID)
}
