package store

import (
	"context"
)

// LastEvent is the number of the newest event, 0 where there is none.
func (s *Store) LastEvent(ctx context.Context) (int64, error) {
	var last int64
	err := s.reader(ctx).NewSelect().Model((*eventRow)(nil)).ColumnExpr("coalesce(max(number), 0)").Scan(ctx, &last)
	return last, wrap("events", err)
}
