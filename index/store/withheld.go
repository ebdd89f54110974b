package store

import (
	"context"

	"github.com/opencontainers/go-digest"
	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/notify"
)

type withheldRow struct {
	bun.BaseModel `bun:"table:withheld_told"`

	Kind       string `bun:"kind,pk"`
	Repository string `bun:"repository,pk"`
	Digest     string `bun:"digest,pk"`
	Version    string `bun:"version"`
	Since      int64  `bun:"since"`
	Told       int64  `bun:"told"`
}

func withheldRowOf(w notify.Withheld) withheldRow {
	row := withheldRow{Kind: w.Kind, Repository: w.Repository, Digest: w.Digest.String(), Version: w.Version, Since: micro(w.Since)}
	if w.Told {
		row.Told = 1
	}
	return row
}

var _ notify.WithheldStore = (*Store)(nil)

// Withheld implements notify.WithheldStore.
func (s *Store) Withheld(ctx context.Context) ([]notify.Withheld, error) {
	var rows []withheldRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Order("kind", "repository", "digest").Scan(ctx); err != nil {
		return nil, wrap("withheld", err)
	}
	out := make([]notify.Withheld, len(rows))
	for i, r := range rows {
		out[i] = notify.Withheld{Kind: r.Kind, Repository: r.Repository, Digest: digest.Digest(r.Digest), Version: r.Version, Since: fromMicro(r.Since), Told: r.Told != 0}
	}
	return out, nil
}

// AddWithheld implements notify.WithheldStore.
func (s *Store) AddWithheld(ctx context.Context, w notify.Withheld) (bool, error) {
	row := withheldRowOf(w)
	n, err := affected(s.writer(ctx).NewInsert().Model(&row).On("CONFLICT (kind, repository, digest) DO NOTHING").Exec(ctx))
	return n > 0, wrap("withheld", err)
}

// RemoveWithheld implements notify.WithheldStore.
func (s *Store) RemoveWithheld(ctx context.Context, w notify.Withheld) (bool, error) {
	row := withheldRowOf(w)
	n, err := affected(s.writer(ctx).NewDelete().Model(&row).WherePK().Where("since = ?", row.Since).Exec(ctx))
	return n > 0, wrap("withheld", err)
}
