package notify

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
)

// Statements read what ledgers say.
type Statements interface {
	// Statement is the one with a number of a ledger.
	Statement(ctx context.Context, ledger string, sequence int) (index.LedgerStatement, error)
	// Stopped is what an emergency names, which a statement of a ledger declares or ends.
	Stopped(ctx context.Context, ledger string, s index.LedgerStatement) (Stopped, error)
}

// Stopped is what an emergency names.
type Stopped struct {
	// All says every version there is or will be.
	All bool
	// Versions are those that are known here, and Digest is that of the first; Others
	// says that it names more.
	Versions []string
	Digest   digest.Digest
	Others   bool
}

// Rights say who an account is and what it may do.
type Rights interface {
	// Account is who an account is now, without any credential. One that is
	// gone or was disabled is artifact.ErrNotFound.
	Account(ctx context.Context, name string) (auth.Principal, error)
	// Can reports whether the principal of ctx may do an action.
	Can(ctx context.Context, action auth.Action, on auth.Resource) (bool, error)
}

// Tenants say who asks for a tenant.
type Tenants interface {
	IsMember(ctx context.Context, tenant, principal string) (bool, error)
	HasTenant(ctx context.Context, tenant string) (bool, error)
}

// Options of an Engine. All of them must be given; the zero Clock is the
// system's.
type Options struct {
	Outbox        *Outbox
	Events        EventStore
	Subscriptions SubscriptionStore
	Deliveries    DeliveryStore
	Attempts      AttemptStore
	// InTx runs do in one transaction with the stores and Queue.
	InTx       func(ctx context.Context, do func(context.Context) error) error
	Queue      jobs.Queue
	Statements Statements
	Rights     Rights
	Tenants    Tenants
	// Source is the URL of the site, the source of its events.
	Source string
	Clock  clock.Clock
	Log    *slog.Logger
}

// An Engine addresses events and delivers them. Its Kinds are for a jobs.Runner.
type Engine struct {
	o        Options
	channels []Channel
	took     *prometheus.HistogramVec
	told     *prometheus.CounterVec
	untold   prometheus.Counter
}

// NewEngine makes an Engine that tells by some channels. It panics where two
// have one name: that is a mistake of the program.
func NewEngine(o Options, channels ...Channel) *Engine {
	names := map[string]bool{EventJobs: true, UnreadJobs: true}
	for _, c := range channels {
		for _, l := range c.Lanes() {
			if names[l.Name] || l.Workers < 1 || l.Lease <= 0 {
				panic(fmt.Sprintf("notify: lane %q of %s needs a name of its own, workers and a lease", l.Name, c.Name()))
			}
			names[l.Name] = true
		}
	}
	return &Engine{o: o, channels: channels, took: newTook(), told: newTold(), untold: newUntold()}
}

// addressers is how many events are addressed at the same time: each writes a
// row for every subscriber.
const addressers = 2

// Kinds are the jobs that the engine does.
func (e *Engine) Kinds() []jobs.Kind {
	kinds := []jobs.Kind{{
		Name: EventJobs, Do: e.address, Workers: addressers, Lease: 5 * time.Minute,
		First: time.Second, Longest: time.Minute, Asked: e.o.Outbox.noted, Wakes: e.lanes(),
	}, {
		Name: UnreadJobs, Do: e.again, Workers: 1, Lease: 5 * time.Minute, First: time.Second, Longest: LongestPause, For: unreadFor,
		GiveUp: e.lost, Wakes: e.lanes(),
	}}
	for _, c := range e.channels {
		for _, l := range c.Lanes() {
			kinds = append(kinds, jobs.Kind{
				Name: l.Name, Workers: l.Workers, Lease: l.Lease, First: FirstPause, Longest: LongestPause, For: GiveUpAfter, Wakes: e.lanes(),
				Do:     func(ctx context.Context, a jobs.Attempt) error { return e.deliver(ctx, c, l, a) },
				GiveUp: e.giveUp,
			})
		}
	}
	return kinds
}

func (e *Engine) lanes() []string {
	var names []string
	for _, c := range e.channels {
		for _, l := range c.Lanes() {
			names = append(names, l.Name)
		}
	}
	return names
}

func (e *Engine) channel(name string) (Channel, bool) {
	for _, c := range e.channels {
		if c.Name() == name {
			return c, true
		}
	}
	return nil, false
}

// Describe implements prometheus.Collector.
func (e *Engine) Describe(out chan<- *prometheus.Desc) {
	e.took.Describe(out)
	e.told.Describe(out)
	e.untold.Describe(out)
}

// Collect implements prometheus.Collector.
func (e *Engine) Collect(out chan<- prometheus.Metric) {
	e.took.Collect(out)
	e.told.Collect(out)
	e.untold.Collect(out)
}

func newTook() *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "oarlock_notification_seconds", Help: "From the change to the moment when a subscriber was told, by channel.",
		Buckets: []float64{0.5, 1, 2, 5, 10, 30, 60, 300, 600, 1800, 3600, 6 * 3600, 86400, 3 * 86400},
	}, []string{"channel"})
}

func newTold() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "oarlock_notifications_total",
		Help: "Deliveries by how they ended: delivered, dead, withheld (its owner may not know of it), ended (the receiver or its owner is gone).",
	}, []string{"channel", "outcome"})
}

func newUntold() prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "oarlock_events_lost_total",
		Help: "Events that are told to nobody: what they tell of could not be read, for two weeks or for ever."})
}
