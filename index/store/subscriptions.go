package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/notify"
)

type subscriptionRow struct {
	bun.BaseModel `bun:"table:subscriptions"`

	ID        string `bun:"id,pk"`
	Owner     string `bun:"owner"`
	Channel   string `bun:"channel"`
	Receiver  string `bun:"receiver"`
	Scope     string `bun:"scope"`
	About     string `bun:"about"`
	Events    string `bun:"events"`
	Frequency string `bun:"frequency"`
	CreatedAt int64  `bun:"created_at"`
}

func (r subscriptionRow) record() notify.Subscription {
	return notify.Subscription{
		ID: r.ID, Owner: r.Owner, Channel: r.Channel, Receiver: r.Receiver, Scope: notify.Scope(r.Scope), About: r.About,
		Events: notify.SplitPatterns(r.Events), Frequency: notify.Frequency(r.Frequency), CreatedAt: fromMicro(r.CreatedAt),
	}
}

func subscriptionsOf(rows []subscriptionRow) []notify.Subscription {
	out := make([]notify.Subscription, len(rows))
	for i, r := range rows {
		out[i] = r.record()
	}
	return out
}

var _ notify.SubscriptionStore = (*Store)(nil)

// AddSubscription implements notify.SubscriptionStore.
func (s *Store) AddSubscription(ctx context.Context, sub notify.Subscription, most int) error {
	row := subscriptionRow{
		ID: sub.ID, Owner: sub.Owner, Channel: sub.Channel, Receiver: sub.Receiver, Scope: string(sub.Scope), About: sub.About,
		Events: notify.JoinPatterns(sub.Events), Frequency: string(cmp.Or(sub.Frequency, notify.AtOnce)), CreatedAt: micro(sub.CreatedAt),
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.roomFor(ctx, "subscriptions", sub.Owner, most); err != nil {
			return err
		}
		_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(fmt.Sprintf("subscription %q", sub.ID), err)
	})
}

// roomFor refuses one row more of an owner where there are as many as there may
// be. It excludes others that add one of the same owner until the transaction ends.
func (s *Store) roomFor(ctx context.Context, table, owner string, most int) error {
	if err := s.serialize(ctx, table+"/"+owner); err != nil {
		return err
	}
	n, err := s.reader(ctx).NewSelect().TableExpr("?", bun.Ident(table)).Where("owner = ?", owner).Count(ctx)
	if err != nil {
		return wrap(table, err)
	}
	if int(n) >= most {
		return fmt.Errorf("%s has %d %s: %w", owner, n, table, notify.ErrTooMany)
	}
	return nil
}

// Subscription implements notify.SubscriptionStore.
func (s *Store) Subscription(ctx context.Context, id string) (notify.Subscription, error) {
	var row subscriptionRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	return row.record(), wrap(fmt.Sprintf("subscription %q", id), err)
}

// Subscriptions implements notify.SubscriptionStore.
func (s *Store) Subscriptions(ctx context.Context, owner string) ([]notify.Subscription, error) {
	var rows []subscriptionRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("owner = ?", owner).Order("created_at", "id").Scan(ctx)
	return subscriptionsOf(rows), wrap("subscriptions", err)
}

// SubscriptionsTo implements notify.SubscriptionStore.
func (s *Store) SubscriptionsTo(ctx context.Context, q notify.SubscriptionQuery) ([]notify.Subscription, error) {
	var rows []subscriptionRow
	e := q.Event
	has := s.reader(ctx).NewSelect().TableExpr("tenant_installs AS i").ColumnExpr("i.tenant").Where("i.plugin = ?", e.Plugin)
	sel := s.reader(ctx).NewSelect().Model(&rows).
		Where("id COLLATE ? > ?", s.byteOrder(), q.After).
		WhereGroup(" AND ", func(sel *bun.SelectQuery) *bun.SelectQuery {
			sel = sel.Where("scope = ?", notify.OfEverything).WhereOr("scope = ? AND about = ?", notify.OfPublisher, e.Publisher)
			if e.Plugin != "" {
				sel = sel.WhereOr("scope = ? AND about = ?", notify.OfPlugin, e.Plugin).WhereOr("scope = ? AND about IN (?)", notify.OfTenant, has)
			}
			return sel
		})
	for _, is := range []struct{ column, value string }{
		{"frequency", string(q.Frequency)}, {"owner", q.Owner}, {"channel", q.Channel}, {"receiver", q.Receiver},
	} {
		if is.value != "" {
			sel = sel.Where("? = ?", bun.Ident(is.column), is.value)
		}
	}
	err := sel.OrderExpr("id COLLATE ?", s.byteOrder()).Limit(int64(q.Limit)).Scan(ctx)
	return subscriptionsOf(rows), wrap("subscriptions", err)
}

// RemoveSubscription implements notify.SubscriptionStore.
func (s *Store) RemoveSubscription(ctx context.Context, id string) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		sub, err := s.Subscription(ctx, id)
		if err != nil {
			return err
		}
		n, err := affected(s.writer(ctx).NewDelete().Model((*subscriptionRow)(nil)).Where("id = ?", id).Exec(ctx))
		if err == nil && n == 0 {
			err = sql.ErrNoRows
		}
		if err != nil {
			return wrap(fmt.Sprintf("subscription %q", id), err)
		}
		const same = "owner = ? AND channel = ? AND receiver = ?"
		others, err := s.reader(ctx).NewSelect().Model((*subscriptionRow)(nil)).Where(same, sub.Owner, sub.Channel, sub.Receiver).Count(ctx)
		if err != nil || others > 0 {
			return wrap("subscriptions", err)
		}
		return s.removeDeliveries(ctx, same, sub.Owner, sub.Channel, sub.Receiver)
	})
}
