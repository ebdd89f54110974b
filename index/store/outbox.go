package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
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

// A Message is something that has to be done after the change that asked for
// it was committed: a statement to append, a notice to send.
type Message struct {
	ID        int64
	Topic     string
	Payload   []byte
	CreatedAt time.Time
	// Attempts counts the times that it was handed out, this one included.
	Attempts int64
	// LastError is why the attempt before failed.
	LastError string
}

// Enqueue puts a message into the outbox, in the transaction of ctx.
func (s *Store) Enqueue(ctx context.Context, topic string, payload []byte, now time.Time) error {
	if payload == nil {
		payload = []byte{}
	}
	row := outboxRow{Topic: topic, Payload: payload, CreatedAt: micro(now), DueAt: micro(now)}
	_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap("outbox", err)
}

// Lease hands out the messages of a topic that are due, the oldest first, and
// hides each from others until now+lease: one who dies holds it up no longer.
// A message is delivered at least once.
func (s *Store) Lease(ctx context.Context, topic string, now time.Time, lease time.Duration, limit int64) ([]Message, error) {
	var messages []Message
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
			messages = append(messages, Message{r.ID, r.Topic, r.Payload, fromMicro(r.CreatedAt), r.Attempts, r.LastError})
		}
		return nil
	})
	return messages, err
}

// Done removes a message that was dealt with; one that is gone is no error.
func (s *Store) Done(ctx context.Context, id int64) error {
	_, err := s.writer(ctx).NewDelete().Model((*outboxRow)(nil)).Where("id = ?", id).Exec(ctx)
	return wrap("outbox", err)
}

// Retry makes a message due again at a time, with the reason.
func (s *Store) Retry(ctx context.Context, id int64, at time.Time, reason string) error {
	n, err := affected(s.writer(ctx).NewUpdate().Model((*outboxRow)(nil)).
		Set("due_at = ?", micro(at)).Set("last_error = ?", reason).Where("id = ?", id).Exec(ctx))
	if err == nil && n == 0 {
		err = artifact.ErrNotFound
	}
	return wrap(fmt.Sprintf("outbox message %d", id), err)
}

// Waiting is how many messages of a topic are not done, for metrics.
func (s *Store) Waiting(ctx context.Context, topic string) (int64, error) {
	n, err := s.reader(ctx).NewSelect().Model((*outboxRow)(nil)).Where("topic = ?", topic).Count(ctx)
	return n, wrap("outbox", err)
}
