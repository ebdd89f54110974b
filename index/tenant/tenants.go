package tenant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// mostPerPage is how many items a page has at most, and where nobody says, usualPage.
const mostPerPage, usualPage = 500, 100

// pageOf is a limit that somebody asked for, within bounds.
func pageOf(limit int) int {
	if limit <= 0 {
		return usualPage
	}
	return min(limit, mostPerPage)
}

// Create makes a tenant. An id that is taken is a conflict.
func (s *Service) Create(ctx context.Context, n index.NewTenant) (index.Tenant, error) {
	if err := s.o.Rights.May(ctx, auth.TenantsManage, auth.Site()); err != nil {
		return index.Tenant{}, err
	}
	if err := artifact.CheckSegment(n.ID); err != nil {
		return index.Tenant{}, fmt.Errorf("id: %w", err)
	}
	if n.Environment == "" {
		n.Environment = string(Production)
	}
	t := Tenant{ID: n.ID, Tier: n.Tier, Niches: n.Niches, Labels: n.Labels, Environment: Environment(n.Environment), Canary: n.Canary,
		CreatedBy: auth.From(ctx).Name, CreatedAt: s.o.Clock.Now().UTC()}
	if err := s.check(&t, ""); err != nil {
		return index.Tenant{}, err
	}
	rows := s.o.Store.OfTenant(n.ID)
	err := s.do(ctx, n.ID, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		switch _, err := rows.Tenant(ctx); {
		case err == nil:
			return act, nil, index.NewProblem(index.CodeConflict, fmt.Sprintf("tenant %s: there is one of this id", n.ID),
				"choose another id", "see it: oarlock tenant show "+n.ID)
		case !errors.Is(err, artifact.ErrNotFound):
			return act, nil, err
		}
		act = audit.Act{Action: auth.TenantsManage, Needs: &audit.Right{Action: auth.TenantsManage, On: auth.Site()}, Planned: t}
		return act, func(ctx context.Context) error { return s.o.Store.AddTenant(ctx, t) }, nil
	})
	if err != nil {
		return index.Tenant{}, err
	}
	t.Revision = 1
	return shown(t), nil
}

// Tenant is one.
func (s *Service) Tenant(ctx context.Context, id string) (index.Tenant, error) {
	_, t, err := s.read(ctx, id)
	return shown(t), err
}

// Tenants are those that the caller may read, with an id after that one.
func (s *Service) Tenants(ctx context.Context, after string, limit int) (index.TenantList, error) {
	limit = pageOf(limit)
	out := index.TenantList{Items: []index.Tenant{}}
	who := auth.From(ctx)
	all, err := s.o.Rights.Can(ctx, auth.TenantsRead, auth.Site())
	switch {
	case err != nil:
		return out, err
	case !all && !who.LoggedIn():
		return out, s.o.Rights.May(ctx, auth.TenantsRead, auth.Site())
	}
	ids, every := held(who)
	if all || every {
		list, err := s.o.Store.Tenants(ctx, after, limit+1)
		if err != nil {
			return out, err
		}
		ids = ids[:0]
		for _, t := range list {
			ids = append(ids, t.ID)
		}
	}
	for _, id := range ids {
		if id <= after {
			continue
		}
		if len(out.Items) == limit {
			out.NextCursor = out.Items[limit-1].ID
			break
		}
		switch _, t, err := s.read(ctx, id); {
		case errors.Is(err, artifact.ErrNotFound):
		case t.Damaged != nil:
			out.Items = append(out.Items, index.Tenant{ID: id, Niches: []string{}, Labels: []string{}, Problem: index.ProblemOf(err).Detail})
		case err != nil:
			return out, err
		default:
			out.Items = append(out.Items, shown(t))
		}
	}
	return out, nil
}

// Set changes a tenant. What it is to the site (tier, niches, environment, quota) is
// for who may manage all tenants. What is so already is not changed again.
func (s *Service) Set(ctx context.Context, id string, c index.TenantChange) (index.Tenant, error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return index.Tenant{}, err
	}
	act := audit.Act{Action: auth.TenantManage}
	if c.Tier != nil || c.Niches != nil || c.Environment != nil || c.Quota != nil {
		act.Action, act.Needs = auth.TenantsManage, &audit.Right{Action: auth.TenantsManage, On: auth.Site()}
		if err := s.o.Rights.May(ctx, auth.TenantsManage, auth.Site()); err != nil {
			return index.Tenant{}, err
		}
	}
	var t Tenant
	err = s.do(ctx, id, rows, func(ctx context.Context) (audit.Act, func(context.Context) error, error) {
		was, err := rows.Tenant(ctx)
		if err != nil {
			return act, nil, err
		}
		t = changed(was, c)
		if err := s.check(&t, was.Tier); err != nil {
			return act, nil, err
		}
		if same(was, t) {
			return act, nil, nil
		}
		act.Before, act.Planned = was, t
		return act, func(ctx context.Context) error {
			err := rows.Change(ctx, t)
			t.Revision++
			return err
		}, nil
	})
	return shown(t), err
}

func changed(t Tenant, c index.TenantChange) Tenant {
	if c.Tier != nil {
		t.Tier = *c.Tier
	}
	if c.Niches != nil {
		t.Niches = *c.Niches
	}
	if c.Environment != nil {
		t.Environment = Environment(*c.Environment)
	}
	if c.Labels != nil {
		t.Labels = *c.Labels
	}
	if c.Canary != nil {
		t.Canary = *c.Canary
	}
	if c.Quota != nil {
		t.MaxHosts, t.MaxInstalls = c.Quota.Hosts, c.Quota.Installs
	}
	return t
}

func same(x, y Tenant) bool {
	return x.Tier == y.Tier && slices.Equal(x.Niches, y.Niches) && slices.Equal(x.Labels, y.Labels) && x.Environment == y.Environment && x.Canary == y.Canary &&
		x.MaxHosts == y.MaxHosts && x.MaxInstalls == y.MaxInstalls
}

// maxWord is how long a niche or a label may be in bytes, and maxWords how many
// there may be.
const maxWord, maxWords = 128, 64

// check puts the lists of t in order and refuses what no tenant is. The tier that
// it had may stay, even where the site has it no more.
func (s *Service) check(t *Tenant, tierBefore string) error {
	if t.Tier != "" && t.Tier != tierBefore && !s.o.Tiers.Know(t.Tier) {
		return index.NewProblem(index.CodeInvalid, fmt.Sprintf("tier %.80q: expected one of the site's: %s", t.Tier, s.o.Tiers),
			"the operator of the site lists them under tiers in the configuration, the lowest first")
	}
	if !slices.Contains([]Environment{Test, Staging, Production}, t.Environment) {
		return fmt.Errorf("environment %.80q: expected test, staging or production: %w", t.Environment, artifact.ErrInvalid)
	}
	t.Niches, t.Labels = sorted(t.Niches), sorted(t.Labels)
	for name, words := range map[string][]string{"niches": t.Niches, "labels": t.Labels} {
		if len(words) > maxWords {
			return fmt.Errorf("%s: %d of them, expected at most %d: %w", name, len(words), maxWords, artifact.ErrInvalid)
		}
		for _, word := range words {
			if len(word) > maxWord || word == "" || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r > '~' }) {
				return fmt.Errorf("%s: %.80q: expected 1 to %d printable characters without a space: %w", name, word, maxWord, artifact.ErrInvalid)
			}
		}
	}
	keys := map[string]bool{}
	for _, label := range t.Labels {
		key, _, ok := strings.Cut(label, "=")
		if !ok || key == "" || keys[key] {
			return fmt.Errorf("labels: %.80q: expected key=value, each key once: %w", label, artifact.ErrInvalid)
		}
		keys[key] = true
	}
	return nil
}

// sorted is a copy of words in order, each once.
func sorted(words []string) []string {
	out := slices.Clone(words)
	slices.Sort(out)
	return slices.Compact(out)
}

func shown(t Tenant) index.Tenant {
	return index.Tenant{ID: t.ID, Tier: t.Tier, Niches: append([]string{}, t.Niches...), Labels: append([]string{}, t.Labels...),
		Environment: string(t.Environment), Canary: t.Canary, Quota: index.TenantQuota{Hosts: t.MaxHosts, Installs: t.MaxInstalls},
		CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, Revision: t.Revision}
}
