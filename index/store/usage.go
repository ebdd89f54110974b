package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

type usageRow struct {
	bun.BaseModel `bun:"table:usage"`

	Namespace string `bun:"namespace,pk"`
	Bytes     int64  `bun:"bytes"`
	Versions  int64  `bun:"versions"`
}

// Usage is what a namespace holds; nothing is known of one that never held any.
func (s *Store) Usage(ctx context.Context, namespace string) (auth.UsageRecord, error) {
	row := usageRow{Namespace: namespace}
	err := s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return auth.UsageRecord{}, wrap(fmt.Sprintf("usage of %q", namespace), err)
	}
	return auth.UsageRecord{Namespace: row.Namespace, Bytes: row.Bytes, Versions: row.Versions}, nil
}

// AddUsage adds in one step. A sum that would rise above a maximum that is not
// zero is a conflict and changes nothing; one that would fall below zero stays
// at zero.
func (s *Store) AddUsage(ctx context.Context, namespace string, bytes, versions, maxBytes, maxVersions int64) (auth.UsageRecord, error) {
	what := fmt.Sprintf("usage of %q", namespace)
	row := usageRow{Namespace: namespace}
	err := s.InTx(ctx, func(ctx context.Context) error {
		db := s.writer(ctx)
		if _, err := db.NewInsert().Model(&usageRow{Namespace: namespace}).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return wrap(what, err)
		}
		res, err := db.NewUpdate().Model(&row).WherePK().
			Set("bytes = CASE WHEN usage_row.bytes + ? < 0 THEN 0 ELSE usage_row.bytes + ? END", bytes, bytes).
			Set("versions = CASE WHEN usage_row.versions + ? < 0 THEN 0 ELSE usage_row.versions + ? END", versions, versions).
			Where("? <= 0 OR ? <= 0 OR usage_row.bytes + ? <= ?", bytes, maxBytes, bytes, maxBytes).
			Where("? <= 0 OR ? <= 0 OR usage_row.versions + ? <= ?", versions, maxVersions, versions, maxVersions).
			Returning("bytes, versions").Exec(ctx)
		n, err := affected(res, err)
		if err == nil && n == 0 {
			return fmt.Errorf("%s: it would pass its maximum: %w", what, artifact.ErrConflict)
		}
		return wrap(what, err)
	})
	if err != nil {
		return auth.UsageRecord{}, err
	}
	return auth.UsageRecord{Namespace: row.Namespace, Bytes: row.Bytes, Versions: row.Versions}, nil
}

// SetUsage replaces the counters of a namespace, after they were counted anew.
func (s *Store) SetUsage(ctx context.Context, u auth.UsageRecord) error {
	row := usageRow{Namespace: u.Namespace, Bytes: u.Bytes, Versions: u.Versions}
	_, err := s.writer(ctx).NewInsert().Model(&row).On("CONFLICT (namespace) DO UPDATE").
		Set("bytes = EXCLUDED.bytes").Set("versions = EXCLUDED.versions").Exec(ctx)
	return wrap(fmt.Sprintf("usage of %q", u.Namespace), err)
}
