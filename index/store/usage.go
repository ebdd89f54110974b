package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/quota"
)

type usageRow struct {
	bun.BaseModel `bun:"table:usage"`

	Namespace string `bun:"namespace,pk"`
	Bytes     int64  `bun:"bytes"`
	Versions  int64  `bun:"versions"`
	Counted   int64  `bun:"counted"`
}

// BeginCount reads the sums of a namespace before it is counted anew.
func (s *Store) BeginCount(ctx context.Context, namespace string) (quota.Count, error) {
	row, err := s.usage(ctx, namespace)
	return quota.Count{Used: quota.Used{Namespace: namespace, Bytes: row.Bytes, Versions: row.Versions}, Corrections: row.Counted}, err
}

// CorrectUsage makes bytes and versions of what before said, and keeps what was
// added meanwhile. Where another count corrected the sums since then, which it
// began from the same mistake, this one's difference would be applied twice: it
// is a conflict and changes nothing.
func (s *Store) CorrectUsage(ctx context.Context, before quota.Count, bytes, versions int64) error {
	what := fmt.Sprintf("usage of %q", before.Namespace)
	bytes, versions = bytes-before.Bytes, versions-before.Versions
	return s.InTx(ctx, func(ctx context.Context) error {
		db := s.writer(ctx)
		if _, err := db.NewInsert().Model(&usageRow{Namespace: before.Namespace}).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return wrap(what, err)
		}
		res, err := db.NewUpdate().Model((*usageRow)(nil)).Where("namespace = ?", before.Namespace).Where("counted = ?", before.Corrections).
			Set("bytes = CASE WHEN usage_row.bytes + ? < 0 THEN 0 ELSE usage_row.bytes + ? END", bytes, bytes).
			Set("versions = CASE WHEN usage_row.versions + ? < 0 THEN 0 ELSE usage_row.versions + ? END", versions, versions).
			Set("counted = usage_row.counted + 1").Exec(ctx)
		n, err := affected(res, err)
		if err == nil && n == 0 {
			return fmt.Errorf("%s: another count corrected it meanwhile: %w", what, artifact.ErrConflict)
		}
		return wrap(what, err)
	})
}

// Usage is what a namespace holds; nothing is known of one that never held any.
func (s *Store) Usage(ctx context.Context, namespace string) (quota.Used, error) {
	row, err := s.usage(ctx, namespace)
	if err != nil {
		return quota.Used{}, err
	}
	return quota.Used{Namespace: row.Namespace, Bytes: row.Bytes, Versions: row.Versions}, nil
}

func (s *Store) usage(ctx context.Context, namespace string) (usageRow, error) {
	row := usageRow{Namespace: namespace}
	err := s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return row, wrap(fmt.Sprintf("usage of %q", namespace), err)
	}
	return row, nil
}

// AddUsage adds in one step. A sum that would rise above a maximum that is not
// zero is a conflict and changes nothing; one that would fall below zero stays
// at zero.
func (s *Store) AddUsage(ctx context.Context, namespace string, bytes, versions, maxBytes, maxVersions int64) (quota.Used, error) {
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
		return quota.Used{}, err
	}
	return quota.Used{Namespace: row.Namespace, Bytes: row.Bytes, Versions: row.Versions}, nil
}
