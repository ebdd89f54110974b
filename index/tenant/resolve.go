package tenant

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// Resolve decides for a host that is ahead of this server: its next document has an
// epoch after that which it goes by. To take what the host has, the tenant is pinned
// first to what the host reported that it runs.
func (s *Service) Resolve(ctx context.Context, id, name string, c index.EpochChoice) (out index.EpochResolved, err error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return out, err
	}
	out.Pinned = []string{}
	epoch, err := index.ParseEpoch(c.Epoch)
	if err != nil {
		return out, err
	}
	if _, err := rows.Hosts().Host(ctx, name); err != nil {
		return out, missing(id, name, auth.From(ctx), err)
	}
	w := s.watches.of(id)
	if _, err := s.standing(ctx, w, id, rows, name); err != nil {
		return out, err
	}
	switch c.Take {
	case "server":
	case "host":
		if out.Pinned, err = s.pinTo(ctx, id, rows, name); err != nil {
			return out, err
		}
	default:
		return out, fmt.Errorf("take %.40q: expected server or host: %w", c.Take, artifact.ErrInvalid)
	}
	err = s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		st, err := rows.States().State(ctx, name)
		if err != nil {
			return act, nil, err
		}
		if epoch.Key > s.o.Desired.Signer.OnlineKey() {
			return act, nil, index.NewProblem(index.CodeConflict,
				fmt.Sprintf("epoch %s is of online key %d, and this server has key %d", epoch, epoch.Key, st.Epoch.Key),
				"bring back the newest keys of the catalog, or rotate them: oarlock catalog root rotate --online-keys")
		}
		next := st
		if next.Epoch = (index.Epoch{Key: epoch.Key, Counter: epoch.Counter + 1}); next.Epoch.Compare(st.Epoch) <= 0 {
			out.Epoch = st.Epoch.String()
			return act, nil, nil // it is after that already
		}
		next.Past, next.ChangedAt, out.Epoch = nil, s.o.Clock.Now().UTC(), next.Epoch.String()
		act = audit.Act{Action: auth.TenantManage, Before: map[string]string{"host": name, "epoch": st.Epoch.String()},
			Planned: map[string]string{"host": name, "epoch": out.Epoch, "takes": c.Take}}
		return act, func(ctx context.Context) error { return rows.States().Put(ctx, next) }, nil
	})
	return out, err
}

// pinTo pins a tenant to what one of its hosts reported that it runs, where that is not
// what it is given.
func (s *Service) pinTo(ctx context.Context, id string, rows Rows, name string) (pinned []string, err error) {
	pinned = []string{}
	said, err := rows.Reports().Report(ctx, name)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, index.NewProblem(index.CodeConflict, fmt.Sprintf("host %s has not reported what it runs", name),
			"have it report first, which it does whatever it is told")
	}
	if err != nil {
		return nil, err
	}
	for _, i := range said.Items {
		plugin, err := artifact.ParseName(i.Plugin)
		if err != nil || i.Digest == "" {
			continue
		}
		have, err := rows.Installs().Install(ctx, plugin)
		if errors.Is(err, artifact.ErrNotFound) || err == nil && !have.Enabled {
			continue // a dependency, which follows from what needs it, or what is not wanted
		}
		if err != nil {
			return pinned, err
		}
		p, is := s.o.Catalog.Plugin(plugin)
		if !is {
			continue
		}
		for k := range p.Versions {
			if v := &p.Versions[k]; v.Digest.String() == i.Digest && have.Pin.String() != v.Version.String() {
				if _, err := s.Pin(ctx, id, plugin, v.Version.String()); err != nil {
					return pinned, err
				}
				pinned = append(pinned, i.Plugin+"@"+v.Version.String())
			}
		}
	}
	return pinned, nil
}
