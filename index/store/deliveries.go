package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/notify"
)

type deliveryRow struct {
	bun.BaseModel `bun:"table:deliveries"`

	Number       int64  `bun:"number,pk,autoincrement"`
	ID           string `bun:"id"`
	Event        string `bun:"event"`
	Subscription string `bun:"subscription"`
	Owner        string `bun:"owner"`
	Channel      string `bun:"channel"`
	Receiver     string `bun:"receiver"`
	State        string `bun:"state"`
	Attempts     int64  `bun:"attempts"`
	Status       int64  `bun:"status"`
	Answer       string `bun:"answer"`
	Reason       string `bun:"reason"`
	AskedAt      int64  `bun:"asked_at"`
	TriedAt      int64  `bun:"tried_at"`
	NextAt       int64  `bun:"next_at"`
}

func (r deliveryRow) record() notify.Delivery {
	return notify.Delivery{
		ID: r.ID, Event: r.Event, Subscription: r.Subscription, Owner: r.Owner, Channel: r.Channel, Receiver: r.Receiver,
		State: notify.State(r.State), Attempts: int(r.Attempts), Status: int(r.Status), Answer: r.Answer, Reason: r.Reason,
		Asked: fromMicro(r.AskedAt), Tried: fromMicro(r.TriedAt), Next: fromMicro(r.NextAt),
	}
}

func deliveryRowOf(d notify.Delivery) deliveryRow {
	return deliveryRow{
		ID: d.ID, Event: d.Event, Subscription: d.Subscription, Owner: d.Owner, Channel: d.Channel, Receiver: d.Receiver,
		State: string(d.State), Attempts: int64(d.Attempts), Status: int64(d.Status), Answer: d.Answer, Reason: d.Reason,
		AskedAt: micro(d.Asked), TriedAt: micro(d.Tried), NextAt: micro(d.Next),
	}
}

var (
	_ notify.DeliveryStore = (*Store)(nil)
	_ notify.AttemptStore  = (*Store)(nil)
)

// deliveryRows is how many rows one statement writes.
const deliveryRows = 250

// AddDeliveries implements notify.DeliveryStore.
func (s *Store) AddDeliveries(ctx context.Context, all []notify.Delivery) ([]notify.Delivery, error) {
	var fresh []notify.Delivery
	for len(all) > 0 {
		part := all[:min(len(all), deliveryRows)]
		all = all[len(part):]
		rows := make([]deliveryRow, len(part))
		for i, d := range part {
			rows[i] = deliveryRowOf(d)
		}
		var written []deliveryRow
		if err := s.writer(ctx).NewInsert().Model(&rows).On("CONFLICT (id) DO NOTHING").Returning("*").Scan(ctx, &written); err != nil {
			return nil, wrap("deliveries", err)
		}
		for _, r := range written {
			fresh = append(fresh, r.record())
		}
	}
	return fresh, nil
}

func deliveryNamed(id string) string { return fmt.Sprintf("delivery %q", id) }

// Delivery implements notify.DeliveryStore.
func (s *Store) Delivery(ctx context.Context, id string) (notify.Delivery, error) {
	var row deliveryRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	return row.record(), wrap(deliveryNamed(id), err)
}

// ChangeDelivery implements notify.DeliveryStore.
func (s *Store) ChangeDelivery(ctx context.Context, d notify.Delivery) error {
	row := deliveryRowOf(d)
	n, err := affected(s.writer(ctx).NewUpdate().Model(&row).Column("state", "attempts", "status", "answer", "reason", "tried_at", "next_at").
		Where("id = ?", d.ID).Exec(ctx))
	if err == nil && n == 0 {
		err = sql.ErrNoRows
	}
	return wrap(deliveryNamed(d.ID), err)
}

// Deliveries implements notify.DeliveryStore.
func (s *Store) Deliveries(ctx context.Context, q notify.DeliveryQuery) ([]notify.Delivery, error) {
	var rows []deliveryRow
	sel := s.reader(ctx).NewSelect().Model(&rows)
	switch {
	case q.Subscription == "":
		sel = sel.Where("receiver = ? AND tried_at > 0", q.Receiver)
	case q.AskedUntil.IsZero():
		sel = sel.Where("subscription = ? AND tried_at > 0", q.Subscription)
	default:
		sel = sel.Where("subscription = ? AND asked_at >= ? AND asked_at < ?", q.Subscription, micro(q.AskedFrom), micro(q.AskedUntil))
	}
	if q.Owner != "" {
		sel = sel.Where("owner = ?", q.Owner)
	}
	if q.Channel != "" {
		sel = sel.Where("channel = ?", q.Channel)
	}
	if q.State != "" {
		sel = sel.Where("state = ?", string(q.State))
	}
	if q.Event != "" {
		sel = sel.Where("event = ?", q.Event)
	}
	if q.Before != "" {
		var before deliveryRow
		find := s.reader(ctx).NewSelect().Model(&before).Where("id = ?", q.Before)
		if q.Subscription == "" {
			find = find.Where("receiver = ?", q.Receiver)
		}
		if err := find.Scan(ctx); err != nil {
			return nil, wrap(deliveryNamed(q.Before), err)
		}
		sel = sel.Where("number < ?", before.Number)
	}
	if err := sel.OrderExpr("number DESC").Limit(int64(q.Limit)).Scan(ctx); err != nil {
		return nil, wrap("deliveries", err)
	}
	out := make([]notify.Delivery, len(rows))
	for i, r := range rows {
		out[i] = r.record()
	}
	return out, nil
}

// RemoveDelivery implements notify.DeliveryStore.
func (s *Store) RemoveDelivery(ctx context.Context, id string) error {
	return s.removeDeliveries(ctx, "id = ?", id)
}

// removeDeliveries removes those that a condition names, with their attempts.
func (s *Store) removeDeliveries(ctx context.Context, where string, args ...any) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		ids := s.reader(ctx).NewSelect().Model((*deliveryRow)(nil)).Column("id").Where(where, args...)
		if _, err := s.writer(ctx).NewDelete().Model((*attemptRow)(nil)).Where("delivery IN (?)", ids).Exec(ctx); err != nil {
			return wrap("deliveries", err)
		}
		_, err := s.writer(ctx).NewDelete().Model((*deliveryRow)(nil)).Where(where, args...).Exec(ctx)
		return wrap("deliveries", err)
	})
}

type attemptRow struct {
	bun.BaseModel `bun:"table:delivery_attempts"`

	Delivery string `bun:"delivery,pk"`
	Number   int64  `bun:"number,pk"`
	At       int64  `bun:"at"`
	Took     int64  `bun:"took"`
	Status   int64  `bun:"status"`
	Answer   string `bun:"answer"`
	Reason   string `bun:"reason"`
}

// AddAttempt implements notify.AttemptStore.
func (s *Store) AddAttempt(ctx context.Context, a notify.Attempt) error {
	row := attemptRow{
		Delivery: a.Delivery, Number: int64(a.Number), At: micro(a.At), Took: a.Took.Microseconds(),
		Status: int64(a.Status), Answer: a.Answer, Reason: a.Reason,
	}
	_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(deliveryNamed(a.Delivery), err)
}

// Attempts implements notify.AttemptStore.
func (s *Store) Attempts(ctx context.Context, delivery string, limit int) ([]notify.Attempt, error) {
	var rows []attemptRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("delivery = ?", delivery).OrderExpr("number DESC").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap(deliveryNamed(delivery), err)
	}
	out := make([]notify.Attempt, len(rows))
	for i, r := range rows {
		out[len(rows)-1-i] = notify.Attempt{
			Delivery: r.Delivery, Number: int(r.Number), At: fromMicro(r.At), Took: time.Duration(r.Took) * time.Microsecond,
			Status: int(r.Status), Answer: r.Answer, Reason: r.Reason,
		}
	}
	return out, nil
}

// PruneAttempts implements notify.AttemptStore.
func (s *Store) PruneAttempts(ctx context.Context, before time.Time, limit int) (int, error) {
	old := s.reader(ctx).NewSelect().TableExpr("delivery_attempts AS a").ColumnExpr("a.delivery, a.number").Where("a.at < ?", micro(before)).Limit(int64(limit))
	n, err := affected(s.writer(ctx).NewDelete().Model((*attemptRow)(nil)).Where("(delivery, number) IN (?)", old).Exec(ctx))
	if err != nil {
		return 0, wrap("attempts", err)
	}
	ended := s.reader(ctx).NewSelect().TableExpr("deliveries AS d").ColumnExpr("d.number").
		Where("d.state IN (?, ?) AND d.tried_at < ?", string(notify.Delivered), string(notify.Dead), micro(before)).Limit(int64(limit))
	m, err := affected(s.writer(ctx).NewDelete().Model((*deliveryRow)(nil)).Where("number IN (?)", ended).Exec(ctx))
	return int(n + m), wrap("deliveries", err)
}
