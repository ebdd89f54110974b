package store

import (
	"context"

	"github.com/opencontainers/go-digest"
	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/index/publog"
)

type provedRow struct {
	bun.BaseModel `bun:"table:proved_times"`

	Number   int64  `bun:"number,pk,autoincrement"`
	Plugin   string `bun:"plugin"`
	Digest   string `bun:"digest"`
	Log      string `bun:"log"`
	ProvedAt int64  `bun:"proved_at"`
	Vouched  []byte `bun:"vouched"`
}

var _ publog.ProvedStore = (*Store)(nil)

const provedName = "proved times"

// AddProved implements publog.ProvedStore.
func (s *Store) AddProved(ctx context.Context, p publog.ProvedTime) error {
	row := provedRow{Plugin: p.Plugin, Digest: p.Digest.String(), Log: p.Log, ProvedAt: micro(p.At), Vouched: p.Vouched}
	return s.InTx(ctx, func(ctx context.Context) error {
		// One after the other: a number that is seen has none below it still to come.
		if err := s.serialize(ctx, provedName); err != nil {
			return err
		}
		if _, err := s.writer(ctx).NewDelete().Model((*provedRow)(nil)).
			Where("plugin = ? AND digest = ? AND log = ?", row.Plugin, row.Digest, row.Log).Exec(ctx); err != nil {
			return wrap(provedName, err)
		}
		_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(provedName, err)
	})
}

// ProvedTimes implements publog.ProvedStore.
func (s *Store) ProvedTimes(ctx context.Context, after int64, limit int64) ([]publog.ProvedTime, error) {
	var rows []provedRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("number > ?", after).Order("number").Limit(limit).Scan(ctx); err != nil {
		return nil, wrap(provedName, err)
	}
	out := make([]publog.ProvedTime, len(rows))
	for i, r := range rows {
		out[i] = publog.ProvedTime{Plugin: r.Plugin, Digest: digest.Digest(r.Digest), Log: r.Log, At: fromMicro(r.ProvedAt), Vouched: r.Vouched, Number: r.Number}
	}
	return out, nil
}
