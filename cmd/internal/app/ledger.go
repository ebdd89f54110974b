package app

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/storage"
)

// ledgers append what this site states, and see to it that what SQL says of
// namespaces is said by their ledgers too.
type ledgers struct {
	*ledger.Appender
	platform derive.Platform
	accounts *accounts
	index    *joined
	registry *registry.Registry
	dns      TXTResolver
	log      *slog.Logger
	locker   storage.Locker
	woken    chan struct{}
	adopted  bool // what was in SQL before there were ledgers is in them; guarded by the drain's lock
}

// A TXTResolver looks TXT records up; *net.Resolver is one.
type TXTResolver interface {
	LookupTXT(ctx context.Context, domain string) ([]string, error)
}

// kinds are those that are appended to the ledgers of plugins.
var kinds = map[format.Kind]func(json.RawMessage) error{}

func (s *Server) openLedgers(dns TXTResolver, metrics prometheus.Registerer) *ledgers {
	l := &ledgers{
		platform: s.index.basis.Platform, accounts: s.accounts, index: s.index, registry: s.registry, dns: dns, log: s.log,
		locker: s.accounts.locker(), woken: make(chan struct{}, 1),
	}
	if l.locker == nil {
		l.locker = storage.NewLocker()
	}
	l.Appender = ledger.New(ledger.Options{
		Store: newLedgerStore(s.registry), Judge: s.index.basis.Ledgers, Signer: l.platform.Signer,
		Remembered: s.index.ingest.Remembered, Kinds: kinds,
	})
	metrics.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_ledgers_bad", Help: "Ledgers that do not hold: forged, reordered, cut, forked or unreadable."},
			func() float64 { return float64(len(s.index.ingest.BadLedgers())) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "oarlock_ledger_outbox", Help: "Changes of namespaces whose statement is not in its ledger yet."},
			func() float64 {
				ctx, cancel := context.WithTimeout(context.Background(), scrapeWithin)
				defer cancel()
				n, err := s.accounts.store.Waiting(ctx, outboxTopic)
				if err != nil {
					return -1
				}
				return float64(n)
			}))
	return l
}

// state appends one statement about a publisher for who acts, after what waits
// for the same ledger, and returns when the index knows it.
func (l *ledgers) state(ctx context.Context, publisher, actor, role string, kind format.Kind, body any) (index.LedgerEntry, error) {
	ref, err := format.OfPublisher(publisher)
	if err != nil {
		return index.LedgerEntry{}, err
	}
	raw, err := ledger.Object(body)
	if err != nil {
		return index.LedgerEntry{}, err
	}
	if err := l.drain(ctx); err != nil {
		return index.LedgerEntry{}, fmt.Errorf("what was stated before is not in the ledger yet: %w", err)
	}
	e, err := l.Append(ctx, index.NewStatement{Ledger: ref, Kind: kind, Actor: actor, Role: role, Body: raw})
	if err != nil {
		return e, err
	}
	return e, l.index.ingest.Settled(ctx)
}

// settleWithin bounds what a call waits until its statement is in the ledger;
// it is in the outbox then, and goes there without the call.
const settleWithin = 5 * time.Second

// settle brings what waits into the ledgers. What cannot be brought now is
// told in the log and tried again.
func (l *ledgers) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := l.drain(ctx); err != nil {
		l.log.ErrorContext(ctx, "ledgers: statements wait", "alert", true, "err", err)
		return
	}
	_ = l.index.ingest.Settled(ctx) // it shows when it shows
}

// drainEvery is how often what waits is tried again.
const drainEvery = 10 * time.Second

// run brings what waits into the ledgers until ctx ends. What a crash left
// between SQL and registry is made up here.
func (l *ledgers) run(ctx context.Context) {
	for {
		if err := l.drain(ctx); err != nil && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "ledgers: statements wait", "alert", true, "err", err)
		}
		if !wait(ctx, drainEvery) {
			return
		}
	}
}
