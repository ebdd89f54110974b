package store

import (
	"context"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/lifecycle"
)

var _ lifecycle.Deletions = (*Store)(nil)

type deletionRow struct {
	bun.BaseModel `bun:"table:plugin_deletions"`

	Plugin  string `bun:"plugin,pk"`
	ID      string `bun:"id,pk"`
	BegunAt int64  `bun:"begun_at"`
	Settled bool   `bun:"settled"`
}

// enabling makes the rest of the transaction exclude who enables a plugin, and who
// begins to delete it.
func (s *Store) enabling(ctx context.Context, plugin artifact.Name) error {
	return s.serialize(ctx, "enabling/"+plugin.String())
}

// BeginDeletion implements lifecycle.Deletions.
func (s *Store) BeginDeletion(ctx context.Context, d lifecycle.Deletion) (enabled int, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		if err := s.enabling(ctx, d.Plugin); err != nil {
			return err
		}
		n, err := s.reader(ctx).NewSelect().Model((*installRow)(nil)).Where("plugin = ?", d.Plugin.String()).Where("enabled").Count(ctx)
		if enabled = int(n); err != nil || enabled > 0 {
			return err
		}
		_, err = s.writer(ctx).NewInsert().Model(&deletionRow{Plugin: d.Plugin.String(), ID: d.ID, BegunAt: micro(d.Begun)}).Exec(ctx)
		return err
	})
	return enabled, wrap("deletion of "+pluginNamed(d.Plugin), err)
}

// EndDeletion implements lifecycle.Deletions.
func (s *Store) EndDeletion(ctx context.Context, d lifecycle.Deletion) error {
	_, err := s.writer(ctx).NewDelete().Model(&deletionRow{Plugin: d.Plugin.String(), ID: d.ID}).WherePK().Exec(ctx)
	return wrap("deletion of "+pluginNamed(d.Plugin), err)
}

// SettleDeletion implements lifecycle.Deletions.
func (s *Store) SettleDeletion(ctx context.Context, d lifecycle.Deletion) error {
	_, err := s.writer(ctx).NewUpdate().Model((*deletionRow)(nil)).Set("settled = ?", true).Where("plugin = ?", d.Plugin.String()).Exec(ctx)
	return wrap("deletion of "+pluginNamed(d.Plugin), err)
}

// DeletionsBegun implements lifecycle.Deletions.
func (s *Store) DeletionsBegun(ctx context.Context, before time.Time) ([]lifecycle.Deletion, error) {
	var rows []deletionRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("begun_at < ?", micro(before)).Where("NOT settled").OrderExpr("begun_at, plugin, id").Scan(ctx); err != nil {
		return nil, wrap("deletions of plugins", err)
	}
	return records(rows, func(r deletionRow) (lifecycle.Deletion, error) {
		plugin, err := artifact.ParseName(r.Plugin)
		if err != nil {
			return lifecycle.Deletion{}, unreadable(fmt.Sprintf("deletion of plugin %q", r.Plugin), err)
		}
		return lifecycle.Deletion{Plugin: plugin, ID: r.ID, Begun: fromMicro(r.BegunAt)}, nil
	})
}

// notLeaving refuses to enable a plugin that is being deleted, or was.
func (s *Store) notLeaving(ctx context.Context, plugin artifact.Name) error {
	if err := s.enabling(ctx, plugin); err != nil {
		return err
	}
	switch n, err := s.reader(ctx).NewSelect().Model((*deletionRow)(nil)).Where("plugin = ?", plugin.String()).Count(ctx); {
	case err != nil:
		return err
	case n > 0:
		return fmt.Errorf("%s is being deleted, or was, and nobody enables it: %w", plugin, artifact.ErrConflict)
	}
	return nil
}
