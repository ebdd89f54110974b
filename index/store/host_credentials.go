package store

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

var _ auth.HostStore = (*Store)(nil)

type hostCredentialRow struct {
	bun.BaseModel `bun:"table:host_credentials"`

	Tenant    string `bun:"tenant,pk"`
	Host      string `bun:"host,pk"`
	ID        string `bun:"id"`
	Hash      []byte `bun:"hash"`
	CreatedBy string `bun:"created_by"`
	CreatedAt int64  `bun:"created_at"`
}

// HostCredential implements auth.HostStore.
func (s *Store) HostCredential(ctx context.Context, id string) (auth.HostRecord, error) {
	var row hostCredentialRow
	if err := s.reader(ctx).NewSelect().Model(&row).Where("id = ?", id).Scan(ctx); err != nil {
		return auth.HostRecord{}, wrap(fmt.Sprintf("credential of a host %q", id), err)
	}
	return auth.HostRecord{ID: row.ID, Tenant: row.Tenant, Host: row.Host, Hash: row.Hash,
		CreatedBy: row.CreatedBy, CreatedAt: fromMicro(row.CreatedAt)}, nil
}

// PutHostCredential implements auth.HostStore.
func (s *Store) PutHostCredential(ctx context.Context, h auth.HostRecord) error {
	what := fmt.Sprintf("credential of host %q of tenant %q", h.Host, h.Tenant)
	return s.InTx(ctx, func(ctx context.Context) error {
		of, err := s.OfTenant(h.Tenant).Hosts().Host(ctx, h.Host)
		if err != nil && of.Damaged == nil { // it is there, and to take its credential is an act of safety
			return err
		}
		row := hostCredentialRow{Tenant: h.Tenant, Host: h.Host, ID: h.ID, Hash: h.Hash, CreatedBy: h.CreatedBy, CreatedAt: micro(h.CreatedAt)}
		n, err := affected(s.writer(ctx).NewUpdate().Model(&row).WherePK().Exec(ctx))
		if err == nil && n == 0 {
			_, err = s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
		}
		return wrap(what, err)
	})
}

// hasGiven is HasPlugin for a host, by the name that auth.HostName gives it.
func (s *Store) hasGiven(ctx context.Context, principal, tenant string, plugin artifact.Name) (asks, has bool, err error) {
	n, err := s.reader(ctx).NewSelect().Model((*installRow)(nil)).Where("tenant = ? AND plugin = ?", tenant, plugin.String()).Count(ctx)
	return err == nil, n > 0, wrap(fmt.Sprintf("whether %q is of a tenant that has plugin %q", principal, plugin), err)
}
