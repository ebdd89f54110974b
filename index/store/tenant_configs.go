package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/seal"
	"github.com/oarlock/oarlock/index/tenant"
)

var _ tenant.Seals = (*Store)(nil)

type configRow struct {
	bun.BaseModel `bun:"table:tenant_configs"`

	Tenant    string   `bun:"tenant,pk"`
	Plugin    string   `bun:"plugin,pk"`
	Revision  int64    `bun:"revision,pk"`
	Digest    string   `bun:"digest"`
	Schema    string   `bun:"schema_digest"`
	Version   string   `bun:"version"`
	Public    string   `bun:"public"`
	Secrets   textList `bun:"secrets"`
	SealKey   string   `bun:"seal_key"`
	Sealed    []byte   `bun:"sealed"`
	From      int64    `bun:"from_revision"`
	ChangedBy string   `bun:"changed_by"`
	ChangedAt int64    `bun:"changed_at"`
}

func (r configRow) record() (tenant.Config, error) {
	plugin, err := artifact.ParseName(r.Plugin)
	if err != nil {
		return tenant.Config{}, unreadable(fmt.Sprintf("configuration %d of plugin %q of tenant %q", r.Revision, r.Plugin, r.Tenant), err)
	}
	return tenant.Config{
		Plugin: plugin, Revision: r.Revision, Digest: r.Digest, Schema: r.Schema, Version: r.Version, Public: r.Public, Secrets: r.Secrets,
		Sealed: seal.Sealed{Key: r.SealKey, Bytes: r.Sealed}, From: r.From, ChangedBy: r.ChangedBy, ChangedAt: fromMicro(r.ChangedAt),
	}, nil
}

// configRows are the configurations of one tenant.
type configRows struct{ tenantRows }

func configOf(plugin artifact.Name) string { return fmt.Sprintf("configuration of plugin %q", plugin) }

// Add implements tenant.ConfigRows.
func (r configRows) Add(ctx context.Context, c tenant.Config) error {
	row := configRow{
		Tenant: r.id, Plugin: c.Plugin.String(), Revision: c.Revision, Digest: c.Digest, Schema: c.Schema, Version: c.Version, Public: c.Public,
		Secrets: c.Secrets, SealKey: c.Sealed.Key, Sealed: c.Sealed.Bytes, From: c.From, ChangedBy: c.ChangedBy, ChangedAt: micro(c.ChangedAt),
	}
	return r.s.InTx(ctx, func(ctx context.Context) error {
		if _, err := r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx); err != nil {
			return wrap(r.what(configOf(c.Plugin)), err)
		}
		_, err := r.s.writer(ctx).NewDelete().Model((*configRow)(nil)).
			Where("tenant = ? AND plugin = ? AND revision <= ?", r.id, row.Plugin, c.Revision-tenant.KeptRevisions).Exec(ctx)
		return wrap(r.what(configOf(c.Plugin)), err)
	})
}

// Revision implements tenant.ConfigRows.
func (r configRows) Revision(ctx context.Context, plugin artifact.Name, revision int64) (tenant.Config, error) {
	row := configRow{Tenant: r.id, Plugin: plugin.String(), Revision: revision}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return tenant.Config{}, wrap(r.what(configOf(plugin)), err)
	}
	return row.record()
}

// List implements tenant.ConfigRows.
func (r configRows) List(ctx context.Context, plugin artifact.Name, before int64, limit int) ([]tenant.Config, error) {
	var rows []configRow
	q := r.s.reader(ctx).NewSelect().Model(&rows).ExcludeColumn("sealed", "public").Where("tenant = ? AND plugin = ?", r.id, plugin.String())
	if before > 0 {
		q = q.Where("revision < ?", before)
	}
	if err := q.OrderExpr("revision DESC").Limit(int64(limit)).Scan(ctx); err != nil {
		return nil, wrap(r.what(configOf(plugin)), err)
	}
	return records(rows, configRow.record)
}

// ByDigest implements tenant.ConfigRows.
func (r configRows) ByDigest(ctx context.Context, digest string) (tenant.Config, error) {
	var row configRow
	err := r.s.reader(ctx).NewSelect().Model(&row).Where("tenant = ? AND digest = ?", r.id, digest).OrderExpr("plugin, revision DESC").Limit(1).Scan(ctx)
	if err != nil {
		return tenant.Config{}, wrap(r.what(fmt.Sprintf("configuration %.80q", digest)), err)
	}
	return row.record()
}

// SealKeys implements tenant.Seals.
func (s *Store) SealKeys(ctx context.Context) ([]string, error) {
	var keys []string
	err := s.reader(ctx).NewSelect().Model((*configRow)(nil)).ColumnExpr("DISTINCT seal_key").OrderExpr("seal_key").Scan(ctx, &keys)
	return keys, wrap("keys of what is sealed", err)
}

// NotSealedBy implements tenant.Seals.
func (s *Store) NotSealedBy(ctx context.Context, key string, after tenant.SealedAt, limit int) ([]tenant.SealedConfig, error) {
	var rows []configRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("seal_key <> ?", key).
		Where("(tenant, plugin, revision) > (?, ?, ?)", after.Tenant, after.Plugin, after.Revision).
		OrderExpr("tenant, plugin, revision").Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap("what another key sealed", err)
	}
	return records(rows, func(r configRow) (tenant.SealedConfig, error) {
		return tenant.SealedConfig{SealedAt: tenant.SealedAt{Tenant: r.Tenant, Plugin: r.Plugin, Revision: r.Revision}, Digest: r.Digest,
			Sealed: seal.Sealed{Key: r.SealKey, Bytes: r.Sealed}}, nil
	})
}

// Reseal implements tenant.Seals.
func (s *Store) Reseal(ctx context.Context, at tenant.SealedAt, was string, now seal.Sealed) error {
	_, err := s.writer(ctx).NewUpdate().Model((*configRow)(nil)).Set("seal_key = ?, sealed = ?", now.Key, now.Bytes).
		Where("tenant = ? AND plugin = ? AND revision = ? AND seal_key = ?", at.Tenant, at.Plugin, at.Revision, was).Exec(ctx)
	return wrap("what another key sealed", err)
}
