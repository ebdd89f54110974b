package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/tenant"
)

var _ lifecycle.Holders = (*Store)(nil)

type installRow struct {
	bun.BaseModel `bun:"table:tenant_installs"`

	Tenant      string `bun:"tenant,pk"`
	Plugin      string `bun:"plugin,pk"`
	Enabled     bool   `bun:"enabled"`
	Channel     string `bun:"channel"`
	Pin         string `bun:"pin"`
	Version     string `bun:"version"`
	Digest      string `bun:"digest"`
	ChangedBy   string `bun:"changed_by"`
	ChangedAt   int64  `bun:"changed_at"`
	InstalledAt int64  `bun:"installed_at"`
	Revision    int64  `bun:"revision"`
	HoldUntil   int64  `bun:"hold_until"`
	HoldReason  string `bun:"hold_reason"`
	HoldBy      string `bun:"hold_by"`

	ConfigRevision int64  `bun:"config_revision"`
	ConfigDigest   string `bun:"config_digest"`
	ConfigSchema   string `bun:"config_schema"`
}

func (r installRow) record() (tenant.Install, error) {
	plugin, err := artifact.ParseName(r.Plugin)
	pin, err2 := versionColumn(r.Pin)
	version, err3 := versionColumn(r.Version)
	if err = errors.Join(err, err2, err3); err != nil {
		err = unreadable(fmt.Sprintf("plugin %q of tenant %q", r.Plugin, r.Tenant), err)
	}
	return tenant.Install{Damaged: err,
		Plugin: plugin, Enabled: r.Enabled, Channel: r.Channel, Pin: pin, Version: version, Digest: r.Digest,
		ChangedBy: r.ChangedBy, ChangedAt: fromMicro(r.ChangedAt), InstalledAt: fromMicro(r.InstalledAt), Revision: r.Revision,
		Hold:   tenant.Hold{Until: fromMicro(r.HoldUntil), Reason: r.HoldReason, By: r.HoldBy},
		Config: tenant.Configured{Revision: r.ConfigRevision, Digest: r.ConfigDigest, Schema: r.ConfigSchema},
	}, err
}

// versionColumn reads a version; "" is none.
func versionColumn(s string) (artifact.Version, error) {
	if s == "" {
		return artifact.Version{}, nil
	}
	return artifact.ParseVersion(s)
}

// installRows are the plugins of one tenant.
type installRows struct{ tenantRows }

func pluginNamed(name artifact.Name) string { return fmt.Sprintf("plugin %q", name) }

// Put implements tenant.InstallRows.
func (r installRows) Put(ctx context.Context, i tenant.Install) error {
	if !i.Enabled {
		return r.put(ctx, i)
	}
	return r.s.InTx(ctx, func(ctx context.Context) error {
		if err := r.s.notLeaving(ctx, i.Plugin); err != nil {
			return wrap(r.what(pluginNamed(i.Plugin)), err)
		}
		return r.put(ctx, i)
	})
}

func (r installRows) put(ctx context.Context, i tenant.Install) error {
	row := installRow{
		Tenant: r.id, Plugin: i.Plugin.String(), Enabled: i.Enabled, Channel: i.Channel, Pin: i.Pin.String(), Version: i.Version.String(),
		Digest: i.Digest, ChangedBy: i.ChangedBy, ChangedAt: micro(i.ChangedAt), InstalledAt: micro(i.InstalledAt), Revision: i.Revision + 1,
		HoldUntil: micro(i.Hold.Until), HoldReason: i.Hold.Reason, HoldBy: i.Hold.By,
		ConfigRevision: i.Config.Revision, ConfigDigest: i.Config.Digest, ConfigSchema: i.Config.Schema,
	}
	if i.Revision == 0 {
		_, err := r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(r.what(pluginNamed(i.Plugin)), err)
	}
	return r.replace(ctx, pluginNamed(i.Plugin), change{model: &row}, i.Revision, func(ctx context.Context) error { _, err := r.Install(ctx, i.Plugin); return err })
}

// Install implements tenant.InstallRows.
func (r installRows) Install(ctx context.Context, plugin artifact.Name) (tenant.Install, error) {
	row := installRow{Tenant: r.id, Plugin: plugin.String()}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return tenant.Install{}, wrap(r.what(pluginNamed(plugin)), err)
	}
	return row.record()
}

// List implements tenant.InstallRows.
func (r installRows) List(ctx context.Context, after artifact.Name, limit int) ([]tenant.Install, error) {
	var rows []installRow
	err := r.s.reader(ctx).NewSelect().Model(&rows).Where("tenant = ?", r.id).
		Where("plugin COLLATE ? > ?", r.s.byteOrder(), after.String()).OrderExpr("plugin COLLATE ?", r.s.byteOrder()).Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap(r.what("plugins"), err)
	}
	if len(rows) == 0 {
		return []tenant.Install{}, r.exists(ctx)
	}
	out := make([]tenant.Install, len(rows))
	for k, row := range rows {
		var err error
		if out[k], err = row.record(); out[k].Plugin.IsZero() {
			return nil, err
		} // what else cannot be read says so itself, and keeps no other from being read
	}
	return out, nil
}

// Enabled implements tenant.InstallRows.
func (r installRows) Enabled(ctx context.Context) (int64, error) {
	n, err := r.s.reader(ctx).NewSelect().Model((*installRow)(nil)).Where("tenant = ? AND enabled", r.id).Count(ctx)
	return int64(n), wrap(r.what("plugins"), err)
}

// Remove implements tenant.InstallRows.
func (r installRows) Remove(ctx context.Context, plugin artifact.Name) error {
	return r.s.InTx(ctx, func(ctx context.Context) error {
		_, err := r.s.writer(ctx).NewDelete().Model((*configRow)(nil)).Where("tenant = ? AND plugin = ?", r.id, plugin.String()).Exec(ctx)
		if err != nil {
			return wrap(r.what(configOf(plugin)), err)
		}
		return r.remove(ctx, pluginNamed(plugin), r.s.writer(ctx).NewDelete().Model(&installRow{Tenant: r.id, Plugin: plugin.String()}).WherePK())
	})
}

// Holders implements lifecycle.Holders.
func (s *Store) Holders(ctx context.Context, plugin artifact.Name, digest, after string, limit int) ([]lifecycle.Holder, error) {
	var rows []installRow
	q := s.reader(ctx).NewSelect().Model(&rows).Where("plugin = ?", plugin.String()).
		Where("tenant COLLATE ? > ?", s.byteOrder(), after).OrderExpr("tenant COLLATE ?", s.byteOrder()).Limit(int64(limit))
	if digest != "" {
		q = q.Where("digest = ?", digest)
	}
	if err := q.Scan(ctx); err != nil {
		return nil, wrap(fmt.Sprintf("who has plugin %q", plugin), err)
	}
	return records(rows, func(r installRow) (lifecycle.Holder, error) {
		i, err := r.record()
		return lifecycle.Holder{Tenant: r.Tenant, Enabled: i.Enabled, Version: i.Version, Digest: i.Digest}, err
	})
}
