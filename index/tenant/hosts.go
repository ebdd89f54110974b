package tenant

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// Hosts are those of a tenant, with a name after that one.
func (s *Service) Hosts(ctx context.Context, id, after string, limit int) (index.TenantHostList, error) {
	out := index.TenantHostList{Items: []index.TenantHost{}}
	rows, _, err := s.read(ctx, id)
	if err != nil {
		return out, err
	}
	limit = pageOf(limit)
	list, err := rows.Hosts().List(ctx, after, limit+1)
	if err != nil {
		return out, err
	}
	for i, h := range list {
		if i == limit {
			out.NextCursor = list[i-1].Name
			break
		}
		shown := shownHost(h)
		if shown.LastReport, err = lastReport(ctx, rows, h.Name, false); err != nil {
			return out, err
		}
		out.Items = append(out.Items, shown)
	}
	return out, nil
}

// Host is one host of a tenant.
func (s *Service) Host(ctx context.Context, id, name string) (index.TenantHost, error) {
	rows, _, err := s.read(ctx, id)
	if err != nil {
		return index.TenantHost{}, err
	}
	h, err := rows.Hosts().Host(ctx, name)
	if h.Damaged != nil {
		err = nil // it says so
	}
	if err != nil {
		return index.TenantHost{}, err
	}
	out := shownHost(h)
	out.LastReport, err = lastReport(ctx, rows, name, true)
	return out, err
}

// AddHost gives a tenant a host, and the host a credential. A name that it has already
// is a conflict, and one host too many is refused by the tenant's quota.
func (s *Service) AddHost(ctx context.Context, id string, n index.NewTenantHost) (out index.HostSecret, err error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return out, err
	}
	h, err := hostOf(n)
	if err != nil {
		return out, err
	}
	h.CreatedBy, h.CreatedAt = auth.From(ctx).Name, s.o.Clock.Now().UTC()
	err = s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		t, err := rows.Tenant(ctx)
		if err != nil {
			return act, nil, err
		}
		used, err := rows.Hosts().Count(ctx)
		if err != nil {
			return act, nil, err
		}
		if t.MaxHosts > 0 && used >= t.MaxHosts {
			return act, nil, index.NewExceeded("hosts", t.MaxHosts, used, 1)
		}
		act = audit.Act{Action: auth.TenantManage, Planned: map[string]any{"host": shownHost(h)}}
		return act, func(ctx context.Context) (err error) {
			if err = rows.Hosts().Add(ctx, h); err == nil {
				out.Secret, err = s.issue(ctx, id, h.Name)
			}
			return err
		}, nil
	})
	if err != nil {
		return index.HostSecret{}, err
	}
	h.Revision = 1
	out.TenantHost = shownHost(h)
	return out, nil
}

// SetHost changes what a host is: its version and platform. What is so already is
// not changed again.
func (s *Service) SetHost(ctx context.Context, id, name string, c index.TenantHostChange) (index.TenantHost, error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return index.TenantHost{}, err
	}
	var next Host
	err = s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		was, err := rows.Hosts().Host(ctx, name)
		if err != nil && was.Damaged == nil {
			return act, nil, err
		}
		if next, err = changedHost(was, c); err != nil {
			return act, nil, err
		}
		if next.Host.IsZero() || next.Version.IsZero() || next.Platform.IsZero() {
			return act, nil, damaged("host "+name, "give version and platform, or remove it and add it again: oarlock tenant host remove "+id+" "+name)
		}
		next.Damaged = nil
		if shownHost(next) == shownHost(was) {
			return act, nil, nil
		}
		act = audit.Act{Action: auth.TenantManage, Before: map[string]any{"host": shownHost(was)}, Planned: map[string]any{"host": shownHost(next)}}
		return act, func(ctx context.Context) error {
			err := rows.Hosts().Change(ctx, next)
			next.Revision++
			return err
		}, nil
	})
	return shownHost(next), err
}

// RemoveHost takes a host from a tenant. Its credential ends at once.
func (s *Service) RemoveHost(ctx context.Context, id, name string) error {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return err
	}
	defer s.ended()
	return s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		was, err := rows.Hosts().Host(ctx, name)
		if err != nil && was.Damaged == nil {
			return act, nil, err
		}
		act = audit.Act{Action: auth.TenantManage, Before: map[string]any{"host": shownHost(was)}, Planned: map[string]any{"removed_host": name}}
		return act, func(ctx context.Context) error { return rows.Hosts().Remove(ctx, name) }, nil
	})
}

func hostOf(n index.NewTenantHost) (Host, error) {
	if err := artifact.CheckSegment(n.Name); err != nil {
		return Host{}, fmt.Errorf("name: %w", err)
	}
	id, err := artifact.ParseHostID(n.Host)
	if err != nil {
		return Host{}, fmt.Errorf("host: %w", err)
	}
	return changedHost(Host{Name: n.Name, Host: id}, index.TenantHostChange{HostVersion: &n.HostVersion, Platform: &n.Platform})
}

func changedHost(h Host, c index.TenantHostChange) (Host, error) {
	if c.HostVersion != nil {
		v, err := artifact.ParseHostVersion(*c.HostVersion)
		if err != nil {
			return h, index.NewProblem(index.CodeInvalidHostVersion, err.Error(), "give a version such as 4.2.0")
		}
		h.Version = v
	}
	if c.Platform != nil {
		p, err := artifact.ParsePlatform(*c.Platform)
		if err != nil {
			return h, fmt.Errorf("platform: %w", err)
		}
		h.Platform = p
	}
	return h, nil
}

func shownHost(h Host) index.TenantHost {
	out := index.TenantHost{Name: h.Name, Host: h.Host.String(), HostVersion: h.Version.String(), Platform: h.Platform.String(),
		CreatedBy: h.CreatedBy, CreatedAt: h.CreatedAt, Revision: h.Revision}
	if h.Damaged != nil {
		out.Problem = "it cannot be read whole in the database: set its version and platform, or remove it and add it again"
	}
	return out
}
