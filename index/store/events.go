package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/notify"
)

type eventRow struct {
	bun.BaseModel `bun:"table:events"`

	Number    int64  `bun:"number,pk,autoincrement"`
	ID        string `bun:"id"`
	Type      string `bun:"type"`
	Publisher string `bun:"publisher"`
	Plugin    string `bun:"plugin"`
	Version   string `bun:"version"`
	Digest    string `bun:"digest"`
	At        int64  `bun:"at"`
	NotedAt   int64  `bun:"noted_at"`
	Data      string `bun:"data"`
}

func (r eventRow) record() notify.Event {
	return notify.Event{
		ID: r.ID, Type: notify.Type(r.Type), At: fromMicro(r.At), Noted: fromMicro(r.NotedAt), Number: r.Number,
		Publisher: r.Publisher, Plugin: r.Plugin, Version: r.Version, Digest: digest.Digest(r.Digest), Data: json.RawMessage(r.Data),
	}
}

var _ notify.EventStore = (*Store)(nil)

// AddEvent implements notify.EventStore.
func (s *Store) AddEvent(ctx context.Context, e notify.Event) (kept notify.Event, err error) {
	row := eventRow{
		ID: e.ID, Type: string(e.Type), Publisher: e.Publisher, Plugin: e.Plugin, Version: e.Version, Digest: e.Digest.String(),
		At: micro(e.At), NotedAt: micro(e.Noted), Data: string(e.Data),
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		// A number that is given out is visible before the next one is.
		if err := s.serialize(ctx, "events"); err != nil {
			return err
		}
		if kept, err = s.Event(ctx, e.ID); !errors.Is(err, artifact.ErrNotFound) {
			return err
		}
		_, err := s.writer(ctx).NewInsert().Model(&row).Returning("number").Exec(ctx)
		kept = row.record()
		return wrap("event "+e.ID, err)
	})
	return kept, err
}

// Event implements notify.EventStore.
func (s *Store) Event(ctx context.Context, id string) (notify.Event, error) {
	var row eventRow
	err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", id).Scan(ctx)
	return row.record(), wrap(fmt.Sprintf("event %q", id), err)
}

// EventsAfter implements notify.EventStore.
func (s *Store) EventsAfter(ctx context.Context, number int64, limit int) ([]notify.Event, error) {
	var rows []eventRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("number > ?", number).Order("number").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap("events", err)
	}
	out := make([]notify.Event, len(rows))
	for i, r := range rows {
		out[i] = r.record()
	}
	return out, nil
}

// PruneEvents implements notify.EventStore.
func (s *Store) PruneEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	kept := s.reader(ctx).NewSelect().TableExpr("deliveries AS d").ColumnExpr("1").Where("d.event = e.id")
	old := s.reader(ctx).NewSelect().TableExpr("events AS e").ColumnExpr("e.number").
		Where("e.noted_at < ? AND NOT EXISTS (?)", micro(before), kept).Limit(int64(limit))
	n, err := affected(s.writer(ctx).NewDelete().Model((*eventRow)(nil)).Where("number IN (?)", old).Exec(ctx))
	return int(n), wrap("events", err)
}
