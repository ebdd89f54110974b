package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/publog"
)

type logHeadRow struct {
	bun.BaseModel `bun:"table:log_head"`

	ID         int64  `bun:"id,pk"`
	Origin     string `bun:"origin"`
	Size       int64  `bun:"size"`
	Root       []byte `bun:"root"`
	Checkpoint string `bun:"checkpoint"`
}

type logLeafRow struct {
	bun.BaseModel `bun:"table:log_leaves"`

	Number int64  `bun:"number,pk"`
	Key    []byte `bun:"key"`
	Event  []byte `bun:"event"`
	Entry  []byte `bun:"entry"`
}

type logTileRow struct {
	bun.BaseModel `bun:"table:log_tiles"`

	Level  int64  `bun:"level,pk"`
	Number int64  `bun:"number,pk"`
	Data   []byte `bun:"data"`
}

type logCosignedRow struct {
	bun.BaseModel `bun:"table:log_cosigned"`

	ID         int64  `bun:"id,pk"`
	Origin     string `bun:"origin"`
	Size       int64  `bun:"size"`
	Checkpoint string `bun:"checkpoint"`
	Lines      string `bun:"lines"`
}

var (
	_ publog.Store = (*Store)(nil)

	_ publog.CosignedStore = (*Store)(nil)
	_ publog.Restorer      = (*Store)(nil)
)

const (
	logName   = "publication log"
	logHeadID = 1
	// logRows is how many rows one statement reads or writes.
	logRows = 500
)

// LogHead implements publog.Store.
func (s *Store) LogHead(ctx context.Context) (publog.Head, error) {
	var row logHeadRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", logHeadID).Scan(ctx); err != nil {
		return publog.Head{}, wrap(logName+": head", err)
	}
	h := publog.Head{Origin: row.Origin, Checkpoint: row.Checkpoint}
	h.N = row.Size
	if copy(h.Hash[:], row.Root) != len(h.Hash) || h.N < 0 || h.N > publog.MostLeaves {
		return h, fmt.Errorf("%s: head: a root of %d bytes and size %d: %w", logName, len(row.Root), h.N, publog.ErrBroken)
	}
	return h, nil
}

// SwapLogHead implements publog.Store.
func (s *Store) SwapLogHead(ctx context.Context, was, is publog.Head, tiles []publog.TileData) error {
	row := logHeadRow{ID: logHeadID, Origin: is.Origin, Size: is.N, Root: is.Hash[:], Checkpoint: is.Checkpoint}
	if was == (publog.Head{}) {
		_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(logName+": head", err)
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		n, err := affected(s.writer(ctx).NewUpdate().Model(&row).Column("origin", "size", "root", "checkpoint").
			Where("id = ? AND origin = ? AND size = ? AND root = ? AND checkpoint = ?", logHeadID, was.Origin, was.N, was.Hash[:], was.Checkpoint).Exec(ctx))
		if err == nil && n == 0 {
			err = fmt.Errorf("it is another by now: %w", artifact.ErrConflict)
		}
		for _, t := range tiles {
			if err != nil {
				break
			}
			one := logTileRow{Level: int64(t.Level), Number: t.Number, Data: t.Data}
			_, err = s.writer(ctx).NewInsert().Model(&one).On("CONFLICT (level, number) DO UPDATE").Set("data = EXCLUDED.data").Exec(ctx)
		}
		return wrap(logName+": head", err)
	})
}

// CosignedCheckpoint implements publog.CosignedStore.
func (s *Store) CosignedCheckpoint(ctx context.Context) (publog.CosignedCheckpoint, error) {
	var row logCosignedRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", logHeadID).Scan(ctx)
	return publog.CosignedCheckpoint{Origin: row.Origin, Size: row.Size, Signed: row.Checkpoint, Lines: row.Lines}, wrap(logName+": what is cosigned", err)
}

// KeepCosigned implements publog.CosignedStore.
func (s *Store) KeepCosigned(ctx context.Context, c, replaced publog.CosignedCheckpoint) error {
	row := logCosignedRow{ID: logHeadID, Origin: c.Origin, Size: c.Size, Checkpoint: c.Signed, Lines: c.Lines}
	_, err := s.writer(ctx).NewInsert().Model(&row).On("CONFLICT (id) DO UPDATE").
		Set("origin = EXCLUDED.origin, size = EXCLUDED.size, checkpoint = EXCLUDED.checkpoint, lines = EXCLUDED.lines").
		Where("log_cosigned_row.size <= EXCLUDED.size OR log_cosigned_row.origin <> EXCLUDED.origin OR (log_cosigned_row.size = ? AND log_cosigned_row.checkpoint = ?)",
			replaced.Size, replaced.Signed).Exec(ctx)
	return wrap(logName+": what is cosigned", err)
}

// LogTile implements publog.Store.
func (s *Store) LogTile(ctx context.Context, level int, number int64) ([]byte, error) {
	var row logTileRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("level = ? AND number = ?", level, number).Scan(ctx)
	return row.Data, wrap(fmt.Sprintf("%s: tile %d/%d", logName, level, number), err)
}

// AppendLeaves implements publog.Store.
func (s *Store) AppendLeaves(ctx context.Context, leaves []publog.Leaf, then func(context.Context, []publog.Leaf) error) (int, error) {
	fresh, err := s.unlogged(ctx, leaves)
	if err != nil || len(fresh) == 0 {
		return 0, err
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		if err := s.serialize(ctx, logName); err != nil {
			return err
		}
		if fresh, err = s.unlogged(ctx, leaves); err != nil || len(fresh) == 0 { // another replica may have been faster
			return err
		}
		next, err := s.nextLeaf(ctx)
		if err != nil {
			return err
		}
		rows := make([]logLeafRow, len(fresh))
		for i := range fresh {
			l := &fresh[i]
			l.Number = next + int64(i)
			rows[i] = logLeafRow{Number: l.Number, Key: l.Key[:], Event: pack(l.Event), Entry: l.Entry[:]}
		}
		for len(rows) > 0 {
			part := rows[:min(len(rows), logRows)]
			rows = rows[len(part):]
			if _, err := s.writer(ctx).NewInsert().Model(&part).Exec(ctx); err != nil {
				return wrap(logName, err)
			}
		}
		if then == nil {
			return nil
		}
		return then(ctx, fresh)
	})
	if err != nil {
		return 0, err
	}
	return len(fresh), nil
}

// unlogged are the leaves whose key is not in the log, each key once.
func (s *Store) unlogged(ctx context.Context, leaves []publog.Leaf) ([]publog.Leaf, error) {
	have := make(map[publog.LeafKey]bool, len(leaves))
	for rest := leaves; len(rest) > 0; {
		part := rest[:min(len(rest), logRows)]
		rest = rest[len(part):]
		keys := make([][]byte, len(part))
		for i := range part {
			keys[i] = part[i].Key[:]
		}
		var found [][]byte
		err := s.reader(ctx).NewSelect().Model((*logLeafRow)(nil)).Column("key").Where("key IN (?)", bun.List(keys)).Scan(ctx, &found)
		if err != nil {
			return nil, wrap(logName, err)
		}
		for _, k := range found {
			have[publog.LeafKey(k)] = true
		}
	}
	var out []publog.Leaf
	for _, l := range leaves {
		if !have[l.Key] {
			have[l.Key] = true
			out = append(out, l)
		}
	}
	return out, nil
}

// nextLeaf is the number of the next leaf. Where leaves that were signed are
// gone, there is none.
func (s *Store) nextLeaf(ctx context.Context) (int64, error) {
	var next int64
	if err := s.reader(ctx).NewSelect().Model((*logLeafRow)(nil)).ColumnExpr("coalesce(max(number) + 1, 0)").Scan(ctx, &next); err != nil {
		return 0, wrap(logName, err)
	}
	head, err := s.LogHead(ctx)
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return next, nil
	case err == nil && next < head.N:
		err = fmt.Errorf("%s: %d leaves are there, and %d were signed: %w", logName, next, head.N, artifact.ErrConflict)
	}
	return next, err
}

// Leaves implements publog.Store.
func (s *Store) Leaves(ctx context.Context, q publog.LeafQuery) ([]publog.Leaf, error) {
	var rows []logLeafRow
	ask := func(where string, arg any, limit int) error {
		var part []logLeafRow
		sel := s.reader(ctx).NewSelect().Model(&part).Where(where, arg).Order("number")
		if limit > 0 {
			sel = sel.Limit(int64(limit))
		}
		if err := sel.Scan(ctx); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return wrap(logName, err)
		}
		rows = append(rows, part...)
		return nil
	}
	if q.Keys == nil {
		if err := ask("number >= ?", q.From, q.Limit); err != nil {
			return nil, err
		}
	}
	for part := range slices.Chunk(q.Keys, logRows) {
		keys := make([][]byte, len(part))
		for i := range part {
			keys[i] = part[i][:]
		}
		if err := ask("key IN (?)", bun.List(keys), 0); err != nil {
			return nil, err
		}
	}
	out := make([]publog.Leaf, len(rows))
	for i, r := range rows {
		if len(r.Key) != len(out[i].Key) || len(r.Entry) != len(out[i].Entry) {
			return nil, fmt.Errorf("%s: leaf %d: a key of %d bytes and an entry of %d: %w", logName, r.Number, len(r.Key), len(r.Entry), publog.ErrBroken)
		}
		out[i] = publog.Leaf{Number: r.Number, Key: publog.LeafKey(r.Key), Event: unpack(r.Event), Entry: [32]byte(r.Entry)}
	}
	return out, nil
}

// ReplaceLog implements publog.Restorer.
func (s *Store) ReplaceLog(ctx context.Context, was, is publog.Head, leaves []publog.Leaf, tiles []publog.TileData) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.serialize(ctx, logName); err != nil {
			return err
		}
		now, err := s.LogHead(ctx)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, publog.ErrBroken) {
			return err
		}
		if err == nil && now != was {
			return fmt.Errorf("%s: head: it is another by now: %w", logName, artifact.ErrConflict)
		}
		for _, m := range []any{(*logCosignedRow)(nil), (*logHeadRow)(nil), (*logLeafRow)(nil), (*logTileRow)(nil)} {
			if _, err := s.writer(ctx).NewDelete().Model(m).Where("1 = 1").Exec(ctx); err != nil {
				return wrap(logName, err)
			}
		}
		for part := range slices.Chunk(leaves, logRows) {
			rows := make([]logLeafRow, len(part))
			for i, l := range part {
				rows[i] = logLeafRow{Number: l.Number, Key: l.Key[:], Event: pack(l.Event), Entry: l.Entry[:]}
			}
			if _, err := s.writer(ctx).NewInsert().Model(&rows).Exec(ctx); err != nil {
				return wrap(logName, err)
			}
		}
		for _, t := range tiles {
			one := logTileRow{Level: int64(t.Level), Number: t.Number, Data: t.Data}
			if _, err := s.writer(ctx).NewInsert().Model(&one).Exec(ctx); err != nil {
				return wrap(logName, err)
			}
		}
		row := logHeadRow{ID: logHeadID, Origin: is.Origin, Size: is.N, Root: is.Hash[:], Checkpoint: is.Checkpoint}
		_, err = s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(logName+": head", err)
	})
}
