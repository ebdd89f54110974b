package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/tenant"
)

type hostStateRow struct {
	bun.BaseModel `bun:"table:host_states"`

	Tenant        string   `bun:"tenant,pk"`
	Host          string   `bun:"host,pk"`
	Key           int64    `bun:"key_number"`
	Counter       int64    `bun:"counter"`
	Digest        string   `bun:"digest"`
	Content       string   `bun:"content"`
	Past          textList `bun:"past,type:text"`
	Generation    int64    `bun:"generation"`
	CatalogDigest string   `bun:"catalog_digest"`
	ChangedAt     int64    `bun:"changed_at"`
	Revision      int64    `bun:"revision"`
}

// hostStateRows are what the hosts of one tenant are to run.
type hostStateRows struct{ tenantRows }

// States implements tenant.Rows.
func (r tenantRows) States() tenant.StateRows { return hostStateRows{r} }

func stateNamed(host string) string { return fmt.Sprintf("what host %q is to run", host) }

// State implements tenant.StateRows.
func (r hostStateRows) State(ctx context.Context, host string) (tenant.HostState, error) {
	row := hostStateRow{Tenant: r.id, Host: host}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return tenant.HostState{}, wrap(r.what(stateNamed(host)), err)
	}
	return tenant.HostState{Host: row.Host, Epoch: index.Epoch{Key: row.Key, Counter: row.Counter}, Digest: row.Digest,
		Content: []byte(row.Content), Past: row.Past,
		Generation: row.Generation, CatalogDigest: row.CatalogDigest, ChangedAt: fromMicro(row.ChangedAt), Revision: row.Revision}, nil
}

// Put implements tenant.StateRows.
func (r hostStateRows) Put(ctx context.Context, h tenant.HostState) error {
	row := hostStateRow{Tenant: r.id, Host: h.Host, Key: h.Epoch.Key, Counter: h.Epoch.Counter, Digest: h.Digest, Content: string(h.Content), Past: h.Past,
		Generation: h.Generation, CatalogDigest: h.CatalogDigest, ChangedAt: micro(h.ChangedAt), Revision: h.Revision + 1}
	if h.Revision == 0 {
		_, err := r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		return wrap(r.what(stateNamed(h.Host)), err)
	}
	n, err := affected(r.s.writer(ctx).NewUpdate().Model(&row).WherePK().Where("revision = ?", h.Revision).
		Where("key_number < ? OR (key_number = ? AND counter <= ?)", row.Key, row.Key, row.Counter).Exec(ctx))
	if err == nil && n == 0 {
		return fmt.Errorf("%s: it changed since revision %d, or has a later epoch than %s: %w",
			r.what(stateNamed(h.Host)), h.Revision, h.Epoch, artifact.ErrConflict)
	}
	return wrap(r.what(stateNamed(h.Host)), err)
}
