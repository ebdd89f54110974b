package publisher

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/opencontainers/go-digest"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/ledger"
)

// StatementsOptions of Statements. All of them must be given.
type StatementsOptions struct {
	Changes  Changes
	Ledger   index.Ledger
	Catalog  Catalog
	Registry Registry
	// Own is the id of the site's own key.
	Own digest.Digest
	// Lock excludes whoever else brings statements into ledgers.
	Lock func(ctx context.Context) (unlock func(), err error)
	Log  *slog.Logger
}

// Statements append what this site states of publishers, and see to it that
// what SQL says of namespaces is said by their ledgers too.
type Statements struct {
	o     StatementsOptions
	queue *ledger.Queue
}

// NewStatements makes Statements.
func NewStatements(o StatementsOptions) *Statements {
	s := &Statements{o: o}
	s.queue = ledger.NewQueue(ledger.QueueOptions{Outbox: o.Changes.Outbox, Lock: o.Lock, Append: s.say, Log: o.Log,
		Empty: func(ctx context.Context) error { return o.Changes.adopt(ctx, o.Registry) }})
	return s
}

// Drain brings what waits into the ledgers. It is called at start and now and
// then: what a crash left between SQL and registry is made up there.
func (s *Statements) Drain(ctx context.Context) error { return s.queue.Drain(ctx) }

// Waiting is how many statements are not in their ledgers yet.
func (s *Statements) Waiting(ctx context.Context) (int64, error) { return s.queue.Waiting(ctx) }

// settleWithin bounds what a call waits until its statement is in the ledger;
// it is in the outbox then, and goes there without the call.
const settleWithin = 5 * time.Second

// Settle brings what waits into the ledgers, for a call that changed something.
// What cannot be brought now is told in the log and tried again.
func (s *Statements) Settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := s.queue.Drain(ctx); err != nil {
		s.o.Log.ErrorContext(ctx, "ledgers: statements wait", "alert", true, "err", err)
		return
	}
	_ = s.o.Catalog.Settled(ctx) // it shows when it shows
}

// State appends one statement about a publisher for who acts, after what waits
// for the same ledger, and returns when the catalog knows it.
func (s *Statements) State(ctx context.Context, publisher, actor, role string, kind format.Kind, body any) (index.LedgerEntry, error) {
	ref, err := format.OfPublisher(publisher)
	if err != nil {
		return index.LedgerEntry{}, err
	}
	raw, err := ledger.Object(body)
	if err != nil {
		return index.LedgerEntry{}, err
	}
	if err := s.queue.Drain(ctx); err != nil {
		return index.LedgerEntry{}, fmt.Errorf("what was stated before is not in the ledger yet: %w", err)
	}
	e, err := s.o.Ledger.Append(ctx, index.NewStatement{Ledger: ref, Kind: kind, Actor: actor, Role: role, Body: raw})
	if err != nil {
		return e, err
	}
	return e, s.o.Catalog.Settled(ctx)
}
