package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/jobs"
)

type jobRow struct {
	bun.BaseModel `bun:"table:jobs"`

	ID          int64  `bun:"id,pk,autoincrement"`
	Kind        string `bun:"kind"`
	Key         string `bun:"key"`
	Payload     []byte `bun:"payload"`
	AskedAt     int64  `bun:"asked_at"`
	DueAt       int64  `bun:"due_at"`
	LeasedUntil int64  `bun:"leased_until"`
	Attempts    int64  `bun:"attempts"`
	LastError   string `bun:"last_error"`
}

func (r jobRow) attempt() jobs.Attempt {
	return jobs.Attempt{
		Job: jobs.Job{Kind: r.Kind, Key: r.Key, Payload: r.Payload, AskedAt: fromMicro(r.AskedAt), At: fromMicro(r.DueAt)},
		ID:  r.ID, Number: int(r.Attempts), Until: fromMicro(r.LeasedUntil), LastError: r.LastError,
	}
}

// Jobs is the queue of what has to be done after a commit.
func (s *Store) Jobs() jobs.Queue { return jobQueue{s} }

type jobQueue struct{ s *Store }

// Enqueue implements jobs.Queue.
func (q jobQueue) Enqueue(ctx context.Context, all ...jobs.Job) error {
	if err := jobs.Check(all...); err != nil || len(all) == 0 {
		return err
	}
	rows := make([]jobRow, len(all))
	for i, j := range all {
		rows[i] = jobRow{Kind: j.Kind, Key: j.Key, Payload: j.Payload, AskedAt: micro(j.AskedAt), DueAt: micro(j.Due())}
		if j.Payload == nil {
			rows[i].Payload = []byte{}
		}
	}
	_, err := q.s.writer(ctx).NewInsert().Model(&rows).Exec(ctx)
	return wrap("jobs", err)
}

// Lease implements jobs.Queue.
func (q jobQueue) Lease(ctx context.Context, ask jobs.Ask) ([]jobs.Attempt, error) {
	var attempts []jobs.Attempt
	// Who asks in vain, as most do, takes no lock.
	due, err := q.due(ctx, ask).Exists(ctx)
	if err != nil || !due {
		return nil, wrap("jobs", err)
	}
	err = q.s.InTx(ctx, func(ctx context.Context) error {
		// One at a time, and each sees what the one before leased: locks of rows
		// alone would let two processes lease two jobs of one key.
		if err := q.s.serialize(ctx, "jobs/"+ask.Kind); err != nil {
			return err
		}
		var ids []int64
		if err := q.due(ctx, ask).Scan(ctx, &ids); err != nil || len(ids) == 0 {
			return wrap("jobs", err)
		}
		if _, err := q.s.writer(ctx).NewUpdate().Model((*jobRow)(nil)).Set("leased_until = ?", micro(ask.Until)).
			Set("attempts = attempts + 1").Where("id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
			return wrap("jobs", err)
		}
		var rows []jobRow
		if err := q.s.reader(ctx).NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Order("id").Scan(ctx); err != nil {
			return wrap("jobs", err)
		}
		for _, r := range rows {
			attempts = append(attempts, r.attempt())
		}
		return nil
	})
	return attempts, err
}

// due selects the IDs of the jobs that may be leased: the first of each key
// that nobody has leased a job of.
func (q jobQueue) due(ctx context.Context, ask jobs.Ask) *bun.SelectQuery {
	first := q.s.reader(ctx).NewSelect().TableExpr("jobs AS f").ColumnExpr("min(f.id)").Where("f.kind = ?", ask.Kind).GroupExpr("f.key")
	if !ask.InOrder {
		first = first.Where("f.due_at <= ?", micro(ask.Now))
	}
	leased := q.s.reader(ctx).NewSelect().TableExpr("jobs AS l").ColumnExpr("l.key").
		Where("l.kind = ? AND l.leased_until > ?", ask.Kind, micro(ask.Now))
	// Of a key in order, the first may not be due.
	return q.s.reader(ctx).NewSelect().TableExpr("jobs AS j").ColumnExpr("j.id").
		Where("j.due_at <= ? AND j.id IN (?)", micro(ask.Now), first).Where("j.key NOT IN (?)", leased).
		OrderExpr("j.id").Limit(int64(ask.Limit))
}

// mine is the row of an attempt until it is given back: each lease is another attempt.
const mine = "id = ? AND attempts = ? AND leased_until > 0"

// Extend implements jobs.Queue.
func (q jobQueue) Extend(ctx context.Context, a jobs.Attempt, until time.Time) error {
	n, err := affected(q.s.writer(ctx).NewUpdate().Model((*jobRow)(nil)).Set("leased_until = ?", micro(until)).
		Where(mine, a.ID, a.Number).Exec(ctx))
	return q.lost(a, n, err)
}

// Done implements jobs.Queue.
func (q jobQueue) Done(ctx context.Context, a jobs.Attempt) error {
	n, err := affected(q.s.writer(ctx).NewDelete().Model((*jobRow)(nil)).Where(mine, a.ID, a.Number).Exec(ctx))
	return q.lost(a, n, err)
}

// Retry implements jobs.Queue.
func (q jobQueue) Retry(ctx context.Context, a jobs.Attempt, at time.Time, reason string) error {
	n, err := affected(q.s.writer(ctx).NewUpdate().Model((*jobRow)(nil)).
		Set("due_at = ?", micro(at)).Set("leased_until = 0").Set("last_error = ?", reason).
		Where(mine, a.ID, a.Number).Exec(ctx))
	return q.lost(a, n, err)
}

func (q jobQueue) lost(a jobs.Attempt, rows int64, err error) error {
	if err == nil && rows == 0 {
		err = jobs.ErrLeaseLost
	}
	return wrap(fmt.Sprintf("job %d", a.ID), err)
}

// Backlog is what waits of the jobs of a kind, with one key or, where that is
// "", with any.
func (s *Store) Backlog(ctx context.Context, kind, key string) (b jobs.Backlog, err error) {
	of := func(q *bun.SelectQuery) *bun.SelectQuery {
		if q = q.Where("kind = ?", kind); key != "" {
			q = q.Where("key = ?", key)
		}
		return q
	}
	n, err := of(s.reader(ctx).NewSelect().Model((*jobRow)(nil))).Count(ctx)
	if err != nil || n == 0 {
		return b, wrap("jobs", err)
	}
	var first jobRow
	err = of(s.reader(ctx).NewSelect().Model(&first)).Order("id").Limit(1).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) { // done since
		return b, nil
	}
	return jobs.Backlog{Jobs: n, Oldest: fromMicro(first.AskedAt), LastError: first.LastError}, wrap("jobs", err)
}

// FreeLeases gives back the leases of a process that is gone, so that nobody waits for
// their end. It is for who has the database alone: nobody else works on a job then.
func (s *Store) FreeLeases(ctx context.Context) error {
	_, err := s.writer(ctx).NewUpdate().Model((*jobRow)(nil)).Set("leased_until = 0").Where("leased_until > 0").Exec(ctx)
	return wrap("jobs", err)
}
