package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// Members are those of a tenant, with a name after that one.
func (s *Service) Members(ctx context.Context, id, after string, limit int) (index.TenantMemberList, error) {
	out := index.TenantMemberList{Items: []index.TenantMember{}}
	rows, _, err := s.read(ctx, id)
	if err != nil {
		return out, err
	}
	limit = pageOf(limit)
	list, err := rows.Members().List(ctx, after, limit+1)
	if err != nil {
		return out, err
	}
	for i, m := range list {
		if i == limit {
			out.NextCursor = list[i-1].Principal
			break
		}
		out.Items = append(out.Items, index.TenantMember{Principal: m.Principal, Role: m.Role, AddedBy: m.AddedBy, AddedAt: m.AddedAt})
	}
	return out, nil
}

// SetMember gives an account a role in place of the one that it had. An account that
// is not there is given nothing: who got its name later would have it.
func (s *Service) SetMember(ctx context.Context, id, principal, role string) error {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return err
	}
	if !slices.Contains(auth.TenantRoles(), auth.Role(role)) {
		return fmt.Errorf("role %.80q: expected one of %v: %w", role, auth.TenantRoles(), artifact.ErrInvalid)
	}
	if err := s.o.Exists(ctx, principal); err != nil {
		return err
	}
	next := Member{Principal: principal, Role: role, AddedBy: auth.From(ctx).Name, AddedAt: s.o.Clock.Now().UTC()}
	return s.member(ctx, id, rows, principal, func(was Member) *Member {
		if was.Role == role {
			return nil
		}
		return &next
	})
}

// RemoveMember takes the role of an account.
func (s *Service) RemoveMember(ctx context.Context, id, principal string) error {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return err
	}
	return s.member(ctx, id, rows, principal, func(was Member) *Member {
		if was.Role == "" {
			return nil
		}
		return &Member{}
	})
}

// member puts in the place of a member what next says: nil leaves it, the zero
// Member removes it. A member that is not there is the zero Member.
func (s *Service) member(ctx context.Context, id string, rows Rows, principal string, next func(was Member) *Member) error {
	members := rows.Members()
	err := s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		was, err := members.Member(ctx, principal)
		is := err == nil
		if err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return act, nil, err
		}
		n := next(was)
		switch {
		case n == nil && !is:
			return act, nil, fmt.Errorf("member %.80q of tenant %s: %w", principal, id, artifact.ErrNotFound)
		case n == nil:
			return act, nil, nil
		}
		act = audit.Act{Action: auth.TenantManage, Planned: map[string]any{"removed_member": principal}}
		if is {
			act.Before = was
		}
		if n.Role != "" {
			act.Planned = *n
		}
		return act, func(ctx context.Context) error {
			if is {
				if err := members.Remove(ctx, principal); err != nil {
					return err
				}
			}
			if n.Role == "" {
				return nil
			}
			return members.Add(ctx, *n)
		}, nil
	})
	if err == nil {
		s.o.Forget()
	}
	return err
}
