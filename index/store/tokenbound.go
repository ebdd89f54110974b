package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// madeBy is a query about what one made that lives at a time, or has ended.
func madeBy(q *bun.SelectQuery, maker string, live bool, at time.Time) *bun.SelectQuery {
	q = q.Where("created_by = ?", maker)
	if live {
		return q.Where("revoked_at = 0").Where("expires_at = 0 OR expires_at > ?", micro(at))
	}
	return q.Where("revoked_at > 0 OR (expires_at > 0 AND expires_at <= ?)", micro(at))
}

// LiveTokens is how many credentials of some kinds one made that have not
// ended. In a transaction it excludes other makings by the same one until the end.
func (s *Store) LiveTokens(ctx context.Context, maker string, kinds []string, at time.Time) (int, error) {
	if err := s.makingAlone(ctx, maker); err != nil {
		return 0, err
	}
	n, err := madeBy(s.reader(ctx).NewSelect().Model((*tokenRow)(nil)), maker, true, at).Where("kind IN (?)", bun.List(kinds)).Count(ctx)
	return int(n), wrap("tokens of "+maker, err)
}

// EndOldestTokens ends the oldest of those that live, but for keep.
func (s *Store) EndOldestTokens(ctx context.Context, maker string, kinds []string, keep int, at time.Time) (int, error) {
	if err := s.makingAlone(ctx, maker); err != nil {
		return 0, err
	}
	old := oldest(keep, madeBy(s.reader(ctx).NewSelect().Model((*tokenRow)(nil)), maker, true, at).Where("kind IN (?)", bun.List(kinds)))
	n, err := affected(s.writer(ctx).NewUpdate().Model((*tokenRow)(nil)).Set("revoked_at = ?", micro(at)).Where("id IN (?)", old).Exec(ctx))
	return int(n), wrap(fmt.Sprintf("oldest logins of %s", maker), err)
}

// ForgetEndedTokens removes the oldest of those that have ended, but for keep.
// Those of admins stay, as ForgetTokens says.
func (s *Store) ForgetEndedTokens(ctx context.Context, maker string, keep int, at time.Time) (int, error) {
	if err := s.makingAlone(ctx, maker); err != nil {
		return 0, err
	}
	old := oldest(keep, madeBy(s.reader(ctx).NewSelect().Model((*tokenRow)(nil)), maker, false, at).Where("kind <> 'admin'"))
	n, err := affected(s.writer(ctx).NewDelete().Model((*tokenRow)(nil)).Where("id IN (?)", old).Exec(ctx))
	return int(n), wrap(fmt.Sprintf("ended tokens of %s", maker), err)
}

// oldest are the ids of all that q finds but the newest keep. Both databases
// want a limit where there is an offset.
func oldest(keep int, q *bun.SelectQuery) *bun.SelectQuery {
	return q.Column("id").OrderExpr("created_at DESC, id").Limit(1 << 40).Offset(int64(keep))
}

// makingAlone makes the rest of a transaction exclude others that make
// credentials in the name of the same one.
func (s *Store) makingAlone(ctx context.Context, maker string) error {
	if _, ok := ctx.Value(txKey{s}).(bun.Tx); !ok {
		return nil
	}
	return s.serialize(ctx, "tokens of "+maker)
}
