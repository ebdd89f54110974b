package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/emergency"
)

var _ emergency.Store = (*Store)(nil)

type emergencyRow struct {
	bun.BaseModel `bun:"table:emergencies"`

	ID        string `bun:"id,pk"`
	Plugin    string `bun:"plugin"`
	State     string `bun:"state"`
	Record    string `bun:"record"`
	CreatedAt int64  `bun:"created_at"`
	Revision  int64  `bun:"revision"`
}

func emergencyRowOf(r emergency.Record) (emergencyRow, error) {
	raw, err := json.Marshal(r.Body)
	return emergencyRow{ID: r.ID, Plugin: r.Plugin, State: string(r.State), Record: string(raw), CreatedAt: micro(r.CreatedAt), Revision: r.Revision}, err
}

func (r emergencyRow) record() (emergency.Record, error) {
	out := emergency.Record{ID: r.ID, Plugin: r.Plugin, State: index.EmergencyState(r.State), CreatedAt: fromMicro(r.CreatedAt), Revision: r.Revision}
	if err := json.Unmarshal([]byte(r.Record), &out.Body); err != nil {
		out.Body, out.Damaged = emergency.Body{}, err.Error()
	} else if out.Body.Reason == "" || len(out.Body.Digests) == 0 {
		out.Damaged = "it has no reason or names no digest"
	}
	return out, nil
}

// LockEmergencies implements emergency.Store.
func (s *Store) LockEmergencies(ctx context.Context, plugin string) error {
	return s.serialize(ctx, "emergencies/"+plugin)
}

// AddEmergency implements emergency.Store.
func (s *Store) AddEmergency(ctx context.Context, r emergency.Record) error {
	r.Revision = 1
	row, err := emergencyRowOf(r)
	if err != nil {
		return err
	}
	_, err = s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(fmt.Sprintf("emergency %q", r.ID), err)
}

// Emergency implements emergency.Store.
func (s *Store) Emergency(ctx context.Context, id string) (emergency.Record, error) {
	row, err := s.emergencyRow(ctx, id)
	if err != nil {
		return emergency.Record{}, err
	}
	r, err := row.record()
	if err == nil {
		err = r.Unreadable()
	}
	return r, err
}

func (s *Store) emergencyRow(ctx context.Context, id string) (emergencyRow, error) {
	row := emergencyRow{ID: id}
	err := s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx)
	return row, wrap(fmt.Sprintf("emergency %q", id), err)
}

// Emergencies implements emergency.Store.
func (s *Store) Emergencies(ctx context.Context, plugin string, states []index.EmergencyState, before string, limit int) ([]emergency.Record, error) {
	var last *emergencyRow
	if before != "" {
		row, err := s.emergencyRow(ctx, before)
		if err != nil {
			return nil, err
		}
		last = &row
	}
	var rows []emergencyRow
	if err := s.emergencyQuery(ctx, &rows, plugin, states, last, limit).Scan(ctx); err != nil {
		return nil, wrap("emergencies", err)
	}
	return records(rows, emergencyRow.record)
}

// emergencyQuery is what Emergencies asks, for those after last where that is given.
func (s *Store) emergencyQuery(ctx context.Context, rows *[]emergencyRow, plugin string, states []index.EmergencyState, last *emergencyRow, limit int) *bun.SelectQuery {
	q := s.reader(ctx).NewSelect().Model(rows)
	if plugin != "" {
		q = q.Where("plugin = ?", plugin)
	}
	if len(states) > 0 {
		q = q.Where("state IN (?)", bun.List(states))
	}
	if last != nil {
		at := last.CreatedAt
		q = q.Where("created_at <= ?", at). // from where an index is read
							Where("created_at < ? OR created_at = ? AND id COLLATE ? < ?", at, at, s.byteOrder(), last.ID)
	}
	return q.OrderExpr("created_at DESC, id COLLATE ? DESC", s.byteOrder()).Limit(int64(limit))
}

// ChangeEmergency implements emergency.Store.
func (s *Store) ChangeEmergency(ctx context.Context, r emergency.Record) error {
	row, err := emergencyRowOf(r)
	if err != nil {
		return err
	}
	row.Revision++
	n, err := affected(s.writer(ctx).NewUpdate().Model(&row).ExcludeColumn("plugin", "created_at").WherePK().Where("revision = ?", r.Revision).Exec(ctx))
	if err != nil {
		return wrap(fmt.Sprintf("emergency %q", r.ID), err)
	}
	if n == 0 {
		return fmt.Errorf("emergency %q: it changed since revision %d: %w", r.ID, r.Revision, artifact.ErrConflict)
	}
	return nil
}
