package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// StatementsOptions of Statements. All of them must be given.
type StatementsOptions struct {
	Changes  Changes
	Jobs     Jobs
	Ledger   index.Ledger
	Catalog  Catalog
	Registry Registry
	Clock    clock.Clock
	Log      *slog.Logger
}

// Jobs are those that append statements, which Changes ask for.
type Jobs interface {
	// Drain does the jobs of a kind that are due, without waiting for others
	// who do one.
	Drain(ctx context.Context, kind string) error
	// Backlog is what waits of the jobs of a kind with a key; "" is any.
	Backlog(ctx context.Context, kind, key string) (jobs.Backlog, error)
}

// Statements append what this site states of publishers, and see to it that
// what SQL says of namespaces is said by their ledgers too.
type Statements struct {
	o StatementsOptions

	mu      sync.Mutex
	adopted bool
}

// NewStatements makes Statements.
func NewStatements(o StatementsOptions) *Statements { return &Statements{o: o} }

// Drain brings what waits and is due into the ledgers. It is called at start and
// now and then, so that what a crash left between SQL and registry is made up.
func (s *Statements) Drain(ctx context.Context) error {
	return errors.Join(s.adoptOnce(ctx), s.o.Jobs.Drain(ctx, statements.JobKind))
}

func (s *Statements) adoptOnce(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adopted {
		return nil
	}
	err := s.adopt(ctx)
	s.adopted = err == nil
	return err
}

// Waiting is how many statements are not in their ledgers yet.
func (s *Statements) Waiting(ctx context.Context) (int64, error) {
	b, err := s.o.Jobs.Backlog(ctx, statements.JobKind, "")
	return b.Jobs, err
}

const (
	// settleWithin bounds what a call waits until its statement is in the
	// ledger; its job goes on without the call then.
	settleWithin = 5 * time.Second
	// settleEvery is how often it looks where another appends it.
	settleEvery = 10 * time.Millisecond
)

// Settle brings what waits for the ledger of a publisher into it, for a call
// that changed something. What cannot be brought now is told in the log and
// tried again.
func (s *Statements) Settle(ctx context.Context, publisher string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if err := s.settled(ctx, publisher); err != nil {
		s.o.Log.ErrorContext(ctx, "ledgers: statements wait", "alert", true, "publisher", publisher, "err", err)
		return
	}
	_ = s.o.Catalog.Settled(ctx) // it shows when it shows
}

// behind says that what was stated before is not in a ledger yet, and why.
func behind(ref format.Ref, why string) error {
	return index.NewProblem(index.CodeUnavailable, fmt.Sprintf("what was stated before is not in the ledger %s yet: %s", ref, why), "try again soon; the log of the server says what keeps it")
}

// settled returns when nothing waits for the ledger of a publisher.
func (s *Statements) settled(ctx context.Context, publisher string) error {
	ref, err := format.OfPublisher(publisher)
	if err != nil {
		return err
	}
	for {
		drained := s.Drain(ctx)
		waits, err := s.o.Jobs.Backlog(ctx, statements.JobKind, ref.String())
		switch {
		case err != nil:
			return err
		case waits.Jobs == 0:
			return nil
		case waits.LastError != "":
			return behind(ref, waits.LastError)
		case drained != nil:
			return drained
		}
		timer := s.o.Clock.NewTimer(settleEvery)
		select {
		case <-ctx.Done():
			timer.Stop()
			return behind(ref, "another server is at it")
		case <-timer.C:
		}
	}
}

// State appends one statement about a publisher for who acts, after what waits
// for the same ledger, and returns when the catalog knows it.
func (s *Statements) State(ctx context.Context, publisher, actor, role string, kind format.Kind, body any) (index.LedgerEntry, error) {
	ref, err := format.OfPublisher(publisher)
	if err != nil {
		return index.LedgerEntry{}, err
	}
	raw, err := statements.Object(body)
	if err != nil {
		return index.LedgerEntry{}, err
	}
	within, cancel := context.WithTimeout(ctx, settleWithin)
	defer cancel()
	if err := s.settled(within, publisher); err != nil {
		return index.LedgerEntry{}, err
	}
	e, err := s.o.Ledger.Append(ctx, index.NewStatement{Ledger: ref, Kind: kind, Actor: actor, Role: role, Body: raw})
	if err != nil {
		return e, err
	}
	return e, s.o.Catalog.Settled(ctx)
}
