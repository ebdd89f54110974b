package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/jobs"
)

// JobKind is the kind of the jobs that append statements. Their key is the
// ledger, so those of one ledger are appended one after the other.
const JobKind = "ledger"

// Enqueue has a statement appended once the transaction of ctx is committed.
// It needs a ledger, a kind, an ID of its own, and Since: when it was asked for.
func Enqueue(ctx context.Context, to jobs.Queue, s index.NewStatement, body any) (err error) {
	if s.Body, err = Object(body); err != nil {
		return err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return to.Enqueue(ctx, jobs.Job{Kind: JobKind, Key: s.Ledger.String(), Payload: raw, AskedAt: s.Since})
}

// Statements are what a job does with a statement that waited.
type Statements struct {
	// Append appends one; it must bear being called again with the same one.
	Append func(context.Context, index.NewStatement) error
	// Refused is told of one that its ledger does not allow (ErrRefused), in the
	// transaction that forgets it: asked for again it would be refused again, and
	// hold up all that follows in its ledger.
	Refused func(ctx context.Context, s index.NewStatement, why error) error
}

// always is how long a statement is tried: nothing but a refusal ends that.
const always = 100 * 365 * 24 * time.Hour

// NewJobKind is how statements that were enqueued get into their ledgers. One
// that fails holds up what follows in the same ledger, and nothing else. An error
// that wraps ErrForeign drops the statement: it is known at this site only.
func NewJobKind(do Statements, log *slog.Logger) jobs.Kind {
	return jobs.Kind{
		Name: JobKind, InOrder: true, Workers: 4, Lease: 20 * time.Second, First: 500 * time.Millisecond, Longest: 10 * time.Second, For: always,
		Do: func(ctx context.Context, a jobs.Attempt) error {
			s, err := statementOf(a)
			if err != nil {
				return err
			}
			err = do.Append(ctx, s)
			switch {
			case errors.Is(err, ErrForeign):
				log.InfoContext(ctx, "ledgers: a change is known at this site only, since the ledger belongs to another platform", "ledger", s.Ledger.String(), "kind", string(s.Kind))
				return nil
			case errors.Is(err, ErrRefused):
				return final{err}
			}
			return err
		},
		GiveUp: func(ctx context.Context, a jobs.Attempt, why error) error {
			s, err := statementOf(a)
			if err != nil {
				return err
			}
			log.ErrorContext(ctx, "ledgers: a ledger does not allow what the database says: what the ledger says counts", "alert", true, "ledger", s.Ledger.String(), "kind", string(s.Kind), "err", why)
			return do.Refused(ctx, s, why)
		},
	}
}

// final is an error in its own words that has a job not tried again.
type final struct{ error }

func (f final) Unwrap() error        { return f.error }
func (f final) Is(target error) bool { return target == jobs.ErrGiveUp }

func statementOf(a jobs.Attempt) (s index.NewStatement, err error) {
	if err := json.Unmarshal(a.Payload, &s); err != nil {
		return s, fmt.Errorf("statement of job %d: %w", a.ID, err)
	}
	return s, nil
}
