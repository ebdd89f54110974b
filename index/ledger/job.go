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

// NewJobKind is how statements that were enqueued get into their ledgers: by
// appended, which must bear being called again with the same statement. One that
// fails holds up what follows in the same ledger, and nothing else. An error that
// wraps ErrForeign drops the statement: it is known at this site only.
func NewJobKind(appended func(context.Context, index.NewStatement) error, log *slog.Logger) jobs.Kind {
	return jobs.Kind{
		Name: JobKind, InOrder: true, Workers: 4, Lease: 20 * time.Second, First: 500 * time.Millisecond, Longest: 10 * time.Second,
		Do: func(ctx context.Context, a jobs.Attempt) error {
			var s index.NewStatement
			if err := json.Unmarshal(a.Payload, &s); err != nil {
				return fmt.Errorf("statement of job %d: %w", a.ID, err)
			}
			err := appended(ctx, s)
			if errors.Is(err, ErrForeign) {
				log.InfoContext(ctx, "ledgers: a change is known at this site only, since the ledger belongs to another platform", "ledger", s.Ledger.String(), "kind", string(s.Kind))
				return nil
			}
			return err
		},
	}
}
