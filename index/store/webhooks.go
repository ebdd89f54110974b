package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/notify"
)

type webhookRow struct {
	bun.BaseModel `bun:"table:webhooks"`

	ID           string `bun:"id,pk"`
	Owner        string `bun:"owner"`
	URL          string `bun:"url"`
	Secret       []byte `bun:"secret"`
	OldSecret    []byte `bun:"old_secret"`
	OldUntil     int64  `bun:"old_until"`
	CreatedAt    int64  `bun:"created_at"`
	Failures     int64  `bun:"failures"`
	FailingSince int64  `bun:"failing_since"`
	PausedUntil  int64  `bun:"paused_until"`
	SlowUntil    int64  `bun:"slow_until"`
	GoneAt       int64  `bun:"gone_at"`
}

func (r webhookRow) record() notify.Webhook {
	return notify.Webhook{
		ID: r.ID, Owner: r.Owner, URL: r.URL, Secret: r.Secret, OldSecret: r.OldSecret, OldUntil: fromMicro(r.OldUntil), CreatedAt: fromMicro(r.CreatedAt),
		Health: notify.Health{
			Failures: int(r.Failures), FailingSince: fromMicro(r.FailingSince), PausedUntil: fromMicro(r.PausedUntil),
			SlowUntil: fromMicro(r.SlowUntil), GoneAt: fromMicro(r.GoneAt),
		},
	}
}

func (r *webhookRow) health(h notify.Health) {
	r.Failures, r.FailingSince, r.PausedUntil = int64(h.Failures), micro(h.FailingSince), micro(h.PausedUntil)
	r.SlowUntil, r.GoneAt = micro(h.SlowUntil), micro(h.GoneAt)
}

var (
	_ notify.WebhookStore = (*Store)(nil)
	_ notify.HealthStore  = (*Store)(nil)
)

func webhookNamed(id string) string { return fmt.Sprintf("webhook %q", id) }

// bytesOrNone is b, never nil: the columns are.
func bytesOrNone(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// AddWebhook implements notify.WebhookStore.
func (s *Store) AddWebhook(ctx context.Context, w notify.Webhook, most int) error {
	row := webhookRow{
		ID: w.ID, Owner: w.Owner, URL: w.URL, Secret: bytesOrNone(w.Secret), OldSecret: bytesOrNone(w.OldSecret),
		OldUntil: micro(w.OldUntil), CreatedAt: micro(w.CreatedAt),
	}
	row.health(w.Health)
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.roomFor(ctx, "webhooks", w.Owner, most); err != nil {
			return err
		}
		_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(webhookNamed(w.ID), err)
	})
}

// Webhook implements notify.WebhookStore.
func (s *Store) Webhook(ctx context.Context, id string) (notify.Webhook, error) {
	var row webhookRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	return row.record(), wrap(webhookNamed(id), err)
}

// Webhooks implements notify.WebhookStore.
func (s *Store) Webhooks(ctx context.Context, owner string) ([]notify.Webhook, error) {
	var rows []webhookRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("owner = ?", owner).Order("created_at", "id").Scan(ctx); err != nil {
		return nil, wrap("webhooks", err)
	}
	out := make([]notify.Webhook, len(rows))
	for i, r := range rows {
		out[i] = r.record()
	}
	return out, nil
}

// ChangeSecrets implements notify.WebhookStore.
func (s *Store) ChangeSecrets(ctx context.Context, w notify.Webhook, was []byte) error {
	row := webhookRow{Secret: bytesOrNone(w.Secret), OldSecret: bytesOrNone(w.OldSecret), OldUntil: micro(w.OldUntil)}
	n, err := affected(s.writer(ctx).NewUpdate().Model(&row).Column("secret", "old_secret", "old_until").Where("id = ? AND secret = ?", w.ID, was).Exec(ctx))
	if err == nil && n == 0 {
		err = fmt.Errorf("its secret is another by now: %w", artifact.ErrConflict)
	}
	return wrap(webhookNamed(w.ID), err)
}

// RemoveWebhook implements notify.WebhookStore.
func (s *Store) RemoveWebhook(ctx context.Context, id string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		n, err := affected(s.writer(ctx).NewDelete().Model((*webhookRow)(nil)).Where("id = ?", id).Exec(ctx))
		if err == nil && n == 0 {
			err = sql.ErrNoRows
		}
		if err != nil {
			return wrap(webhookNamed(id), err)
		}
		_, err = s.writer(ctx).NewDelete().Model((*subscriptionRow)(nil)).Where("channel = ? AND receiver = ?", notify.WebhookChannel, id).Exec(ctx)
		if err != nil {
			return wrap(webhookNamed(id), err)
		}
		return s.removeDeliveries(ctx, "channel = ? AND receiver = ?", notify.WebhookChannel, id)
	})
}

// ChangeHealth implements notify.HealthStore.
func (s *Store) ChangeHealth(ctx context.Context, id string, h notify.Health) error {
	var row webhookRow
	row.health(h)
	n, err := affected(s.writer(ctx).NewUpdate().Model(&row).Column("failures", "failing_since", "paused_until", "slow_until", "gone_at").
		Where("id = ?", id).Exec(ctx))
	if err == nil && n == 0 {
		err = sql.ErrNoRows
	}
	return wrap(webhookNamed(id), err)
}
