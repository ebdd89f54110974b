package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/clock"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/jobs"
	statements "github.com/oarlock/oarlock/index/ledger"
	"github.com/oarlock/oarlock/policy/ledger"
)

// StatementsOptions of Statements. All of them must be given.
type StatementsOptions struct {
	Changes  Changes
	Rows     Rows
	Acts     Acts
	Jobs     Jobs
	Ledger   Ledger
	Catalog  Catalog
	Registry Registry
	// Own is the id of the site's own key.
	Own digest.Digest
	// Forget has what was cached of namespaces read again.
	Forget func()
	Clock  clock.Clock
	Log    *slog.Logger
}

// Rows are those of one namespace as a whole, and the audit log, which knows
// when they changed.
type Rows interface {
	// ReplaceNamespace gives a namespace other settings and members where it is
	// as it was read; else it is artifact.ErrConflict. Until the transaction of
	// ctx ends nobody else changes them.
	ReplaceNamespace(ctx context.Context, was, is auth.NamespaceRows) error
	// AuditLog has the newest rows first.
	AuditLog(ctx context.Context, q audit.Query) ([]auth.AuditRecord, error)
}

// Acts write down what is done here, in the transaction of ctx.
type Acts interface {
	Note(ctx context.Context, by auth.Principal, action auth.Action, r auth.Resource, before, after any) error
}

// A Ledger appends statements, and says what was stated.
type Ledger interface {
	index.Ledger
	// State is what a ledger in the registry says; one that does not hold is
	// artifact.ErrUnverified.
	State(ctx context.Context, ref format.Ref) (ledger.State, error)
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

	doubts   doubts
	draining sync.Mutex // by one at a time, so that none returns before what was in doubt is looked at
}

// NewStatements makes Statements.
func NewStatements(o StatementsOptions) *Statements { return &Statements{o: o} }

// Drain brings what waits and is due into the ledgers, and makes the namespaces
// agree with them of which it has to be found out whether they do: at first all.
// It is called at start and now and then, so that what a crash or a restore left
// between SQL and registry is made up.
func (s *Statements) Drain(ctx context.Context) error {
	s.draining.Lock()
	defer s.draining.Unlock()
	drained := s.drain(ctx)
	names, err := s.doubts.take(ctx, s.o.Changes.Store.NamespaceNames)
	if err == nil {
		names, err = s.reconcile(ctx, names)
	}
	s.doubts.add(names...)
	b, e := s.o.Jobs.Backlog(ctx, statements.JobKind, "")
	if e == nil {
		s.doubts.note(b)
	}
	return errors.Join(drained, err, e)
}

func (s *Statements) drain(ctx context.Context) error {
	return errors.Join(s.adoptOnce(ctx), s.o.Jobs.Drain(ctx, statements.JobKind))
}

// Stuck says what keeps statements from their ledgers, or "": it asks nobody.
func (s *Statements) Stuck() string { return s.doubts.stuck() }

// Doubt has a namespace compared with its ledger at the next Drain.
func (s *Statements) Doubt(publisher string) { s.doubts.add(publisher) }

// Refuse has a statement forgotten that its ledger does not allow, in the
// transaction of ctx: what the ledger says counts, and is taken over.
func (s *Statements) Refuse(ctx context.Context, st index.NewStatement, why error) error {
	name := st.Ledger.Publisher()
	s.doubts.refuse(name, refused{by: st.Actor, asked: st.Since, why: why})
	return s.o.Acts.Note(ctx, recorder, audit.StatementRefuse, auth.InNamespace(name), nil, map[string]any{"kind": st.Kind, "actor": st.Actor, "body": st.Body, "reason": why.Error()})
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
	// refusedWithin is how old a change is at most whose refusal a call is told.
	refusedWithin = 2 * settleWithin
)

// Settle brings what waits for the ledger of a publisher into it, for a call
// that changed something. What cannot be brought now is told in the log and
// tried again. The error is a *index.Problem: the ledger does not allow what was
// changed, and the change is undone.
func (s *Statements) Settle(ctx context.Context, publisher string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	err := s.settled(ctx, publisher)
	if why := s.doubts.refusal(publisher, auth.From(ctx).Name, s.o.Clock.Now().Add(-refusedWithin)); why != nil {
		return index.NewProblem(index.CodeConflict, fmt.Sprintf("the ledger of %s does not allow it: %s; the accounts were older than the ledger, and say now what it says", publisher, why),
			"look at what is there: oarlock publisher history "+publisher+"; and try again")
	}
	if err != nil {
		s.o.Log.ErrorContext(ctx, "ledgers: statements wait", "alert", true, "publisher", publisher, "err", err)
		return nil
	}
	_ = s.o.Catalog.Settled(ctx) // it shows when it shows
	return nil
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
		drained := s.drain(ctx)
		waits, err := s.o.Jobs.Backlog(ctx, statements.JobKind, ref.String())
		switch {
		case err != nil:
			return err
		case waits.Jobs == 0:
			return s.resolved(ctx, publisher)
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

// resolved makes a publisher agree with its ledger where that was in doubt.
func (s *Statements) resolved(ctx context.Context, publisher string) error {
	if !s.doubts.of(publisher) {
		return nil
	}
	left, err := s.reconcile(ctx, []string{publisher})
	s.doubts.add(left...)
	return err
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
