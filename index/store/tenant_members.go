package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/tenant"
)

var _ auth.TenantRoleStore = (*Store)(nil)

type tenantMemberRow struct {
	bun.BaseModel `bun:"table:tenant_members"`

	Tenant    string `bun:"tenant,pk"`
	Principal string `bun:"principal,pk"`
	Role      string `bun:"role"`
	AddedBy   string `bun:"added_by"`
	AddedAt   int64  `bun:"added_at"`
}

func (r tenantMemberRow) record() (tenant.Member, error) {
	return tenant.Member{Principal: r.Principal, Role: r.Role, AddedBy: r.AddedBy, AddedAt: fromMicro(r.AddedAt)}, nil
}

// tenantMemberRows are who asks for one tenant.
type tenantMemberRows struct{ tenantRows }

func memberNamed(principal string) string { return fmt.Sprintf("member %q", principal) }

// Add implements tenant.MemberRows.
func (r tenantMemberRows) Add(ctx context.Context, m tenant.Member) error {
	if m.Principal == "" {
		return fmt.Errorf("%s: expected the name of a principal: %w", r.what(memberNamed("")), artifact.ErrInvalid)
	}
	if m.Role == "" {
		return fmt.Errorf("%s: expected a role: %w", r.what(memberNamed(m.Principal)), artifact.ErrInvalid)
	}
	row := tenantMemberRow{Tenant: r.id, Principal: m.Principal, Role: m.Role, AddedBy: m.AddedBy, AddedAt: micro(m.AddedAt)}
	_, err := r.s.writer(ctx).NewInsert().Model(&row).Exec(ctx)
	return wrap(r.what(memberNamed(m.Principal)), err)
}

// Member implements tenant.MemberRows.
func (r tenantMemberRows) Member(ctx context.Context, principal string) (tenant.Member, error) {
	row := tenantMemberRow{Tenant: r.id, Principal: principal}
	if err := r.s.reader(ctx).NewSelect().Model(&row).WherePK().Scan(ctx); err != nil {
		return tenant.Member{}, wrap(r.what(memberNamed(principal)), err)
	}
	return row.record()
}

// List implements tenant.MemberRows.
func (r tenantMemberRows) List(ctx context.Context, after string, limit int) ([]tenant.Member, error) {
	var rows []tenantMemberRow
	err := r.s.reader(ctx).NewSelect().Model(&rows).Where("tenant = ?", r.id).
		Where("principal COLLATE ? > ?", r.s.byteOrder(), after).OrderExpr("principal COLLATE ?", r.s.byteOrder()).Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, wrap(r.what("members"), err)
	}
	if len(rows) == 0 {
		return []tenant.Member{}, r.exists(ctx)
	}
	return records(rows, tenantMemberRow.record)
}

// Remove implements tenant.MemberRows.
func (r tenantMemberRows) Remove(ctx context.Context, principal string) error {
	return r.remove(ctx, memberNamed(principal), r.s.writer(ctx).NewDelete().Model(&tenantMemberRow{Tenant: r.id, Principal: principal}).WherePK())
}

// TenantRolesOf implements auth.TenantRoleStore.
func (s *Store) TenantRolesOf(ctx context.Context, principal string) ([]auth.TenantRole, error) {
	var rows []tenantMemberRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where("principal = ?", principal).OrderExpr("tenant COLLATE ?", s.byteOrder()).Scan(ctx); err != nil {
		return nil, wrap(fmt.Sprintf("what %q is in tenants", principal), err)
	}
	roles := make([]auth.TenantRole, len(rows))
	for i, r := range rows {
		roles[i] = auth.TenantRole{Tenant: r.Tenant, Role: r.Role}
	}
	return roles, nil
}

// HasPlugin implements lifecycle.Holders.
func (s *Store) HasPlugin(ctx context.Context, principal string, plugin artifact.Name) (asks, has bool, err error) {
	if of, is := strings.CutPrefix(principal, string(auth.Host)+":"); is {
		id, _, _ := strings.Cut(of, "/")
		return s.hasGiven(ctx, principal, id, plugin)
	}
	var n struct {
		Tenants int `bun:"tenants"`
		Having  int `bun:"having_it"`
	}
	err = s.reader(ctx).NewSelect().TableExpr("tenant_members AS m").
		ColumnExpr("COUNT(*) AS tenants").ColumnExpr("COUNT(i.plugin) AS having_it").
		Join("LEFT JOIN tenant_installs AS i ON i.tenant = m.tenant AND i.plugin = ?", plugin.String()).
		Where("m.principal = ?", principal).Scan(ctx, &n)
	if err != nil {
		return false, false, wrap(fmt.Sprintf("whether %q asks for a tenant that has plugin %q", principal, plugin), err)
	}
	return n.Tenants > 0, n.Having > 0, nil
}

// IsMember reports whether a principal asks for a tenant.
func (s *Store) IsMember(ctx context.Context, tenant, principal string) (bool, error) {
	n, err := s.reader(ctx).NewSelect().Model((*tenantMemberRow)(nil)).Where("tenant = ? AND principal = ?", tenant, principal).Count(ctx)
	return n > 0, wrap(fmt.Sprintf("tenant %q", tenant), err)
}

// HasTenant implements notify.Tenants.
func (s *Store) HasTenant(ctx context.Context, tenant string) (bool, error) {
	is, err := s.reader(ctx).NewSelect().Model((*tenantRow)(nil)).Where("id = ?", tenant).Exists(ctx)
	return is, wrap(fmt.Sprintf("tenant %q", tenant), err)
}
