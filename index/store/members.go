package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
)

type memberRow struct {
	bun.BaseModel `bun:"table:members"`

	Namespace string `bun:"namespace,pk"`
	Principal string `bun:"principal,pk"`
	Role      string `bun:"role"`
	AddedBy   string `bun:"added_by"`
	AddedAt   int64  `bun:"added_at"`
}

// LockNamespace has nobody else change a namespace or its members until the
// transaction of ctx ends.
func (s *Store) LockNamespace(ctx context.Context, namespace string) error {
	return s.serialize(ctx, "members of "+namespace)
}

// Members are the members of a namespace, by principal.
func (s *Store) Members(ctx context.Context, namespace string) ([]auth.MemberRecord, error) {
	return s.members(ctx, "namespace = ?", namespace)
}

// MembershipsOf are the roles of a principal, by namespace.
func (s *Store) MembershipsOf(ctx context.Context, principal string) ([]auth.MemberRecord, error) {
	return s.members(ctx, "principal = ?", principal)
}

func (s *Store) members(ctx context.Context, where, value string) ([]auth.MemberRecord, error) {
	var rows []memberRow
	if err := s.reader(ctx).NewSelect().Model(&rows).Where(where, value).Order("namespace", "principal").Scan(ctx); err != nil {
		return nil, wrap("members", err)
	}
	records := make([]auth.MemberRecord, len(rows))
	for i, r := range rows {
		records[i] = auth.MemberRecord{Namespace: r.Namespace, Principal: r.Principal, Role: r.Role, AddedBy: r.AddedBy, AddedAt: fromMicro(r.AddedAt)}
	}
	return records, nil
}

// PutMember gives a principal a role in place of the one that it had. To take
// the role from the last owner is a conflict.
func (s *Store) PutMember(ctx context.Context, m auth.MemberRecord) error {
	row := memberRow{Namespace: m.Namespace, Principal: m.Principal, Role: m.Role, AddedBy: m.AddedBy, AddedAt: micro(m.AddedAt)}
	return s.changeMembers(ctx, m.Namespace, func(ctx context.Context) error {
		_, err := s.writer(ctx).NewInsert().Model(&row).On("CONFLICT (namespace, principal) DO UPDATE").
			Set("role = EXCLUDED.role").Set("added_by = EXCLUDED.added_by").Set("added_at = EXCLUDED.added_at").Exec(ctx)
		return wrap(fmt.Sprintf("member %q of %q", m.Principal, m.Namespace), err)
	})
}

// RemoveMember takes a principal's role. The last owner cannot go: a conflict.
func (s *Store) RemoveMember(ctx context.Context, namespace, principal string) error {
	return s.changeMembers(ctx, namespace, func(ctx context.Context) error {
		n, err := affected(s.writer(ctx).NewDelete().Model((*memberRow)(nil)).
			Where("namespace = ? AND principal = ?", namespace, principal).Exec(ctx))
		if err == nil && n == 0 {
			err = artifact.ErrNotFound
		}
		return wrap(fmt.Sprintf("member %q of %q", principal, namespace), err)
	})
}

// ReplaceNamespace gives a namespace other settings and members, where both are
// as they were read; else it is a conflict. Who made it and when stays.
func (s *Store) ReplaceNamespace(ctx context.Context, was, is auth.NamespaceRows) error {
	name := was.Namespace.Name
	return s.changeMembers(ctx, name, func(ctx context.Context) error {
		have, err := s.Members(ctx, name)
		if err != nil {
			return err
		}
		if !slices.Equal(have, was.Members) {
			return fmt.Errorf("members of %q: somebody changed them meanwhile: %w", name, artifact.ErrConflict)
		}
		n := is.Namespace
		n.Name, n.Revision = name, was.Namespace.Revision
		if err := s.UpdateNamespace(ctx, n); err != nil {
			return err
		}
		what := fmt.Sprintf("members of %q", name)
		if _, err := s.writer(ctx).NewDelete().Model((*memberRow)(nil)).Where("namespace = ?", name).Exec(ctx); err != nil || len(is.Members) == 0 {
			return wrap(what, err)
		}
		rows := make([]memberRow, len(is.Members))
		for i, m := range is.Members {
			rows[i] = memberRow{Namespace: name, Principal: m.Principal, Role: m.Role, AddedBy: m.AddedBy, AddedAt: micro(m.AddedAt)}
		}
		_, err = s.writer(ctx).NewInsert().Model(&rows).Exec(ctx)
		return wrap(what, err)
	})
}

// changeMembers does one change after the other, so that of two owners who
// leave at once one stays.
func (s *Store) changeMembers(ctx context.Context, namespace string, change func(context.Context) error) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.LockNamespace(ctx, namespace); err != nil {
			return err
		}
		if err := change(ctx); err != nil {
			return err
		}
		owned, err := s.reader(ctx).NewSelect().Model((*memberRow)(nil)).Where("namespace = ? AND role = ?", namespace, roleOwner).Exists(ctx)
		if err == nil && !owned {
			return fmt.Errorf("members of %q: its last owner cannot go: make another owner first: %w", namespace, artifact.ErrConflict)
		}
		return wrap("members", err)
	})
}
