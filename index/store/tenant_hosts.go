package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/tenant"
)

type hostRow struct {
	bun.BaseModel `bun:"table:tenant_hosts"`

	Tenant    string `bun:"tenant,pk"`
	Name      string `bun:"name,pk"`
	Host      string `bun:"host"`
	Version   string `bun:"version"`
	Platform  string `bun:"platform"`
	CreatedBy string `bun:"created_by"`
	CreatedAt int64  `bun:"created_at"`
	Revision  int64  `bun:"revision"`
}

func (r tenantRows) hostRowOf(h tenant.Host) (hostRow, error) {
	if h.Host.IsZero() || h.Version.IsZero() || h.Platform.IsZero() {
		return hostRow{}, fmt.Errorf("%s: expected a host id, a version and a platform: %w", r.what(hostNamed(h.Name)), artifact.ErrInvalid)
	}
	return hostRow{
		Tenant: r.id, Name: h.Name, Host: h.Host.String(), Version: h.Version.String(), Platform: h.Platform.String(),
		CreatedBy: h.CreatedBy, CreatedAt: micro(h.CreatedAt), Revision: h.Revision,
	}, nil
}

func (r hostRow) record() (tenant.Host, error) {
	host, err := artifact.ParseHostID(r.Host)
	version, err2 := artifact.ParseHostVersion(r.Version)
	platform, err3 := artifact.ParsePlatform(r.Platform)
	if err = errors.Join(err, err2, err3); err != nil {
		err = unreadable(fmt.Sprintf("host %q of tenant %q", r.Name, r.Tenant), err)
	}
	return tenant.Host{Damaged: err,
		Name: r.Name, Host: host, Version: version, Platform: platform,
		CreatedBy: r.CreatedBy, CreatedAt: fromMicro(r.CreatedAt), Revision: r.Revision,
	}, err
}

// unreadable is a row that this code did not write. Its error has no kind of
// what was asked: the store could not tell.
func unreadable(what string, err error) error {
	return fmt.Errorf("%s: the database holds what cannot be read: %v: %w", what, err, ErrDamaged)
}

// hostRows are the hosts of one tenant.
type hostRows struct{ tenantRows }

func hostNamed(name string) string { return fmt.Sprintf("host %q", name) }

// Add implements tenant.HostRows.
func (r hostRows) Add(ctx context.Context, h tenant.Host) error {
	row, err := r.hostRowOf(h)
	if err != nil {
		return err
	}
	row.Revision = 1
	_, err = r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(r.what(hostNamed(h.Name)), err)
}

// Host implements tenant.HostRows.
func (r hostRows) Host(ctx context.Context, name string) (tenant.Host, error) {
	row := hostRow{Tenant: r.id, Name: name}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return tenant.Host{}, wrap(r.what(hostNamed(name)), err)
	}
	return row.record()
}

// List implements tenant.HostRows.
func (r hostRows) List(ctx context.Context, after string, limit int) ([]tenant.Host, error) {
	var rows []hostRow
	err := r.s.reader(ctx).NewSelect().Model(&rows).Where("tenant = ?", r.id).
		Where("name COLLATE ? > ?", r.s.byteOrder(), after).OrderExpr("name COLLATE ?", r.s.byteOrder()).Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap(r.what("hosts"), err)
	}
	if len(rows) == 0 {
		return []tenant.Host{}, r.exists(ctx)
	}
	out := make([]tenant.Host, len(rows))
	for i, row := range rows {
		out[i], _ = row.record() // what cannot be read says so itself, and keeps no other from being read
	}
	return out, nil
}

// Count implements tenant.HostRows.
func (r hostRows) Count(ctx context.Context) (int64, error) {
	n, err := r.s.reader(ctx).NewSelect().Model((*hostRow)(nil)).Where("tenant = ?", r.id).Count(ctx)
	return int64(n), wrap(r.what("hosts"), err)
}

// Change implements tenant.HostRows.
func (r hostRows) Change(ctx context.Context, h tenant.Host) error {
	row, err := r.hostRowOf(h)
	if err != nil {
		return err
	}
	row.Revision++
	return r.replace(ctx, hostNamed(h.Name), change{&row, []string{"created_by", "created_at"}}, h.Revision, func(ctx context.Context) error { _, err := r.Host(ctx, h.Name); return err })
}

// Remove implements tenant.HostRows.
func (r hostRows) Remove(ctx context.Context, name string) error {
	return r.remove(ctx, hostNamed(name), r.s.writer(ctx).NewDelete().Model(&hostRow{Tenant: r.id, Name: name}).WherePK())
}

// records reads rows in their order; the first that cannot be read ends it.
func records[Row, Record any](rows []Row, record func(Row) (Record, error)) ([]Record, error) {
	out := make([]Record, len(rows))
	for i, row := range rows {
		var err error
		if out[i], err = record(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}
