package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/tenant"
)

var _ tenant.Store = (*Store)(nil)

type tenantRow struct {
	bun.BaseModel `bun:"table:tenants"`

	ID          string   `bun:"id,pk"`
	Tier        string   `bun:"tier"`
	Niches      textList `bun:"niches"`
	Labels      textList `bun:"labels"`
	Environment string   `bun:"environment"`
	Canary      bool     `bun:"canary"`
	MaxHosts    int64    `bun:"max_hosts"`
	MaxInstalls int64    `bun:"max_installs"`
	CreatedBy   string   `bun:"created_by"`
	CreatedAt   int64    `bun:"created_at"`
	Revision    int64    `bun:"revision"`
}

func tenantRowOf(t tenant.Tenant) tenantRow {
	return tenantRow{
		ID: t.ID, Tier: t.Tier, Niches: t.Niches, Labels: t.Labels, Environment: string(t.Environment), Canary: t.Canary,
		MaxHosts: t.MaxHosts, MaxInstalls: t.MaxInstalls,
		CreatedBy: t.CreatedBy, CreatedAt: micro(t.CreatedAt), Revision: t.Revision,
	}
}

func (r tenantRow) record() tenant.Tenant {
	return tenant.Tenant{
		ID: r.ID, Tier: r.Tier, Niches: r.Niches, Labels: r.Labels, Environment: tenant.Environment(r.Environment), Canary: r.Canary,
		MaxHosts: r.MaxHosts, MaxInstalls: r.MaxInstalls,
		CreatedBy: r.CreatedBy, CreatedAt: fromMicro(r.CreatedAt), Revision: r.Revision,
	}
}

// AddTenant implements tenant.Store.
func (s *Store) AddTenant(ctx context.Context, t tenant.Tenant) error {
	row := tenantRowOf(t)
	row.Revision = 1
	_, err := s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(fmt.Sprintf("tenant %q", t.ID), err)
}

// Tenants implements tenant.Store.
func (s *Store) Tenants(ctx context.Context, after string, limit int) ([]tenant.Tenant, error) {
	var rows []tenantRow
	err := s.reader(ctx).NewSelect().Model(&rows).Where("id COLLATE ? > ?", s.byteOrder(), after).
		OrderExpr("id COLLATE ?", s.byteOrder()).Limit(int64(limit)).Scan(ctx)
	if errors.Is(err, ErrDamaged) {
		return s.tenantsOneByOne(ctx, after, limit)
	}
	if err != nil {
		return nil, wrap("tenants", err)
	}
	records := make([]tenant.Tenant, len(rows))
	for i, r := range rows {
		records[i] = r.record()
	}
	return records, nil
}

// tenantsOneByOne reads the same where one of them cannot be read: it says so itself, and
// keeps no other from being read.
func (s *Store) tenantsOneByOne(ctx context.Context, after string, limit int) ([]tenant.Tenant, error) {
	var ids []string
	err := s.reader(ctx).NewSelect().Model((*tenantRow)(nil)).Column("id").Where("id COLLATE ? > ?", s.byteOrder(), after).
		OrderExpr("id COLLATE ?", s.byteOrder()).Limit(int64(limit)).Scan(ctx, &ids)
	if err != nil {
		return nil, wrap("tenants", err)
	}
	records := make([]tenant.Tenant, len(ids))
	for i, id := range ids {
		if records[i], err = s.OfTenant(id).Tenant(ctx); err != nil && records[i].Damaged == nil {
			return nil, err
		}
	}
	return records, nil
}

// OfTenant implements tenant.Store.
func (s *Store) OfTenant(id string) tenant.Rows { return tenantRows{s, id} }

// tenantRows is the one way to the rows of a tenant: every query of it and of
// its hosts and installs names the tenant.
type tenantRows struct {
	s  *Store
	id string
}

func (r tenantRows) what(of string) string {
	if of == "" {
		return fmt.Sprintf("tenant %q", r.id)
	}
	return fmt.Sprintf("tenant %q: %s", r.id, of)
}

// Tenant implements tenant.Rows.
func (r tenantRows) Tenant(ctx context.Context) (tenant.Tenant, error) {
	row := tenantRow{ID: r.id}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		err = wrap(r.what(""), err)
		if errors.Is(err, ErrDamaged) {
			return tenant.Tenant{ID: r.id, Damaged: err}, err
		}
		return tenant.Tenant{}, err
	}
	return row.record(), nil
}

// Change implements tenant.Rows.
func (r tenantRows) Change(ctx context.Context, t tenant.Tenant) error {
	t.ID = r.id
	row := tenantRowOf(t)
	row.Revision++
	return r.replace(ctx, "", change{&row, []string{"created_by", "created_at"}}, t.Revision, func(ctx context.Context) error { _, err := r.Tenant(ctx); return err })
}

// Hosts implements tenant.Rows.
func (r tenantRows) Hosts() tenant.HostRows { return hostRows{r} }

// Installs implements tenant.Rows.
func (r tenantRows) Installs() tenant.InstallRows { return installRows{r} }

// Configs implements tenant.Rows.
func (r tenantRows) Configs() tenant.ConfigRows { return configRows{r} }

// Members implements tenant.Rows.
func (r tenantRows) Members() tenant.MemberRows { return tenantMemberRows{r} }

// Lock implements tenant.Rows.
func (r tenantRows) Lock(ctx context.Context) error { return r.s.serialize(ctx, r.what("")) }

// A change is a row and the columns that stay as they were.
type change struct {
	model any
	keeps []string
}

// replace stores a row, as change says, in place of the one with its key and
// that revision. The row that is not there is not found, as there says; one
// with another revision is a conflict.
func (r tenantRows) replace(ctx context.Context, of string, row change, revision int64, there func(context.Context) error) error {
	return r.s.InTx(ctx, func(ctx context.Context) error {
		q := r.s.writer(ctx).NewUpdate().Model(row.model).WherePK().Where("revision = ?", revision)
		if len(row.keeps) > 0 {
			q = q.ExcludeColumn(row.keeps...)
		}
		n, err := affected(q.Exec(ctx))
		if err != nil {
			return wrap(r.what(of), err)
		}
		if n > 0 {
			return nil
		}
		if err := there(ctx); err != nil {
			return err
		}
		return fmt.Errorf("%s: it changed since revision %d: %w", r.what(of), revision, artifact.ErrConflict)
	})
}

// remove takes the one row that a query names.
func (r tenantRows) remove(ctx context.Context, of string, q *bun.DeleteQuery) error {
	n, err := affected(q.Exec(ctx))
	if err == nil && n == 0 {
		return fmt.Errorf("%s: %w", r.what(of), artifact.ErrNotFound)
	}
	return wrap(r.what(of), err)
}

// exists says whether an empty list is one of this tenant.
func (r tenantRows) exists(ctx context.Context) error {
	_, err := r.Tenant(ctx)
	return err
}

// changedRows is how many rows of the audit log are looked at in one go.
const changedRows = 1000

// deniedOutcome is how a row of the audit log says that somebody was refused.
const deniedOutcome = "denied"

// TenantsChanged are the tenants that rows of the audit log after one say were changed,
// and the last row that was looked at; below 0 only that.
func (s *Store) TenantsChanged(ctx context.Context, row int64) (ids []string, last int64, err error) {
	if row < 0 {
		head, err := s.AuditHead(ctx)
		return nil, head.Seq, err
	}
	for last = row; ; {
		var rows []auditRow
		err := s.reader(ctx).NewSelect().Model(&rows).Column("seq", "resource", "action", "outcome").Where("seq > ?", last).Order("seq").Limit(changedRows).Scan(ctx)
		if err != nil {
			return nil, row, wrap("changes of tenants", err)
		}
		for _, r := range rows {
			// Neither a refusal nor a report changes what a host is to run. Anybody can be
			// refused, as often as he likes, and hosts report all the time.
			changes := r.Outcome != deniedOutcome && r.Action != string(auth.HostReport)
			if id, is := strings.CutPrefix(r.Resource, "tenant "); is && changes && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			last = r.Seq
		}
		if len(rows) < changedRows {
			return ids, last, nil
		}
	}
}
