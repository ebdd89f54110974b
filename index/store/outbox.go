package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/ledger"
)

type outboxRow struct {
	bun.BaseModel `bun:"table:outbox"`

	ID        int64  `bun:"id,pk,autoincrement"`
	Topic     string `bun:"topic"`
	Payload   []byte `bun:"payload"`
	CreatedAt int64  `bun:"created_at"`
	DueAt     int64  `bun:"due_at"`
	Attempts  int64  `bun:"attempts"`
	LastError string `bun:"last_error"`
}

var _ ledger.Outbox = (*Store)(nil)

// Enqueue implements ledger.Outbox.
func (s *Store) Enqueue(ctx context.Context, topic string, payload []byte, now time.Time) error {
	if payload == nil {
		payload = []byte{}
	}
	row := outboxRow{Topic: topic, Payload: payload, CreatedAt: micro(now), DueAt: micro(now)}
	_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap("outbox", err)
}

// Lease implements ledger.Outbox.
func (s *Store) Lease(ctx context.Context, topic string, now time.Time, lease time.Duration, limit int64) ([]ledger.Message, error) {
	var messages []ledger.Message
	err := s.InTx(ctx, func(ctx context.Context) error {
		due := s.reader(ctx).NewSelect().Model((*outboxRow)(nil)).Column("id").
			Where("topic = ? AND due_at <= ?", topic, micro(now)).Order("id").Limit(limit)
		if s.postgres() {
			due = due.For("UPDATE SKIP LOCKED")
		}
		var ids []int64
		if err := due.Scan(ctx, &ids); err != nil || len(ids) == 0 {
			return wrap("outbox", err)
		}
		if _, err := s.writer(ctx).NewUpdate().Model((*outboxRow)(nil)).Set("due_at = ?", micro(now.Add(lease))).
			Set("attempts = attempts + 1").Where("id IN (?)", bun.List(ids)).Exec(ctx); err != nil {
			return wrap("outbox", err)
		}
		var rows []outboxRow
		if err := s.reader(ctx).NewSelect().Model(&rows).Where("id IN (?)", bun.List(ids)).Order("id").Scan(ctx); err != nil {
			return wrap("outbox", err)
		}
		for _, r := range rows {
			messages = append(messages, ledger.Message{ID: r.ID, Topic: r.Topic, Payload: r.Payload, CreatedAt: fromMicro(r.CreatedAt), Attempts: r.Attempts, LastError: r.LastError})
		}
		return nil
	})
	return messages, err
}

// Done implements ledger.Outbox.
func (s *Store) Done(ctx context.Context, id int64) error {
	_, err := s.writer(ctx).NewDelete().Model((*outboxRow)(nil)).Where("id = ?", id).Exec(ctx)
	return wrap("outbox", err)
}

// Retry implements ledger.Outbox.
func (s *Store) Retry(ctx context.Context, id int64, at time.Time, reason string) error {
	n, err := affected(s.writer(ctx).NewUpdate().Model((*outboxRow)(nil)).
		Set("due_at = ?", micro(at)).Set("last_error = ?", reason).Where("id = ?", id).Exec(ctx))
	if err == nil && n == 0 {
		err = artifact.ErrNotFound
	}
	return wrap(fmt.Sprintf("outbox message %d", id), err)
}

// Waiting implements ledger.Outbox.
func (s *Store) Waiting(ctx context.Context, topic string) (int64, error) {
	n, err := s.reader(ctx).NewSelect().Model((*outboxRow)(nil)).Where("topic = ?", topic).Count(ctx)
	return n, wrap("outbox", err)
}
