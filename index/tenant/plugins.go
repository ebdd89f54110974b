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
	"github.com/oarlock/oarlock/index/catalog"
)

// Plugins are those of a tenant, enabled or not, with a name after that one. What
// each is given is computed now.
func (s *Service) Plugins(ctx context.Context, id string, after artifact.Name, limit int) (index.TenantPluginList, error) {
	out := index.TenantPluginList{Items: []index.TenantPlugin{}}
	rows, _, err := s.read(ctx, id)
	if err != nil {
		return out, err
	}
	if err := s.current(); err != nil {
		return out, err
	}
	hosts, err := allHosts(ctx, rows)
	if err != nil {
		return out, err
	}
	shown, err := s.visible(ctx)
	if err != nil {
		return out, err
	}
	limit = pageOf(limit)
	list, err := rows.Installs().List(ctx, after, limit+1)
	if err != nil {
		return out, err
	}
	for i, one := range list {
		if i == limit {
			out.NextCursor = list[i-1].Plugin.String()
			break
		}
		out.Items = append(out.Items, shown(s.shownInstall(ctx, id, rows, one, hosts)))
	}
	return out, withEffect(ctx, rows, out.Items)
}

// withEffectOf is one plugin with what hosts run of it.
func withEffectOf(ctx context.Context, rows Rows, p index.TenantPlugin) (index.TenantPlugin, error) {
	one := []index.TenantPlugin{p}
	err := withEffect(ctx, rows, one)
	return one[0], err
}

// Plugin is one plugin of a tenant.
func (s *Service) Plugin(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
	rows, _, err := s.read(ctx, id)
	if err != nil {
		return index.TenantPlugin{}, err
	}
	if err := s.current(); err != nil {
		return index.TenantPlugin{}, err
	}
	i, err := rows.Installs().Install(ctx, plugin)
	if errors.Is(err, artifact.ErrNotFound) {
		return index.TenantPlugin{}, notHad(id, plugin)
	}
	if err != nil && i.Damaged == nil {
		return index.TenantPlugin{}, err
	}
	shown, err := s.visible(ctx)
	if err != nil {
		return index.TenantPlugin{}, err
	}
	hosts, err := allHosts(ctx, rows)
	if err != nil {
		return index.TenantPlugin{}, err
	}
	return withEffectOf(ctx, rows, shown(s.shownInstall(ctx, id, rows, i, hosts)))
}

// Enable has the hosts of a tenant run a plugin: the version that c names, else the
// newest that fits of the channel. What is enabled so already is not changed again.
func (s *Service) Enable(ctx context.Context, id string, plugin artifact.Name, c index.TenantPluginChoice) (index.TenantPlugin, error) {
	return s.install(ctx, id, plugin, func(was Install) (Install, error) {
		next := was
		if was.Revision == 0 {
			next = Install{Plugin: plugin, InstalledAt: s.now()}
		}
		next.Enabled = true
		return chosen(next, c)
	})
}

// Pin holds a tenant at a version until it is unpinned, whatever its channel says.
func (s *Service) Pin(ctx context.Context, id string, plugin artifact.Name, version string) (index.TenantPlugin, error) {
	if version == "" {
		return index.TenantPlugin{}, fmt.Errorf("version: expected one such as 1.2.0: %w", artifact.ErrInvalid)
	}
	return s.install(ctx, id, plugin, func(was Install) (Install, error) {
		if was.Revision == 0 {
			return was, notHad(id, plugin)
		}
		return chosen(was, index.TenantPluginChoice{Version: version})
	})
}

// Unpin has a tenant follow its channel again.
func (s *Service) Unpin(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
	return s.install(ctx, id, plugin, func(was Install) (Install, error) {
		if was.Revision == 0 {
			return was, notHad(id, plugin)
		}
		was.Pin = artifact.Version{}
		return was, nil
	})
}

// Disable has the hosts of a tenant run a plugin no more. Its data and what the
// tenant chose stay, whatever state the plugin is in.
func (s *Service) Disable(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
	return s.install(ctx, id, plugin, func(was Install) (Install, error) {
		if was.Revision == 0 {
			return was, notHad(id, plugin)
		}
		was.Enabled = false
		return was, nil
	})
}

func notHad(id string, plugin artifact.Name) error {
	return index.NewProblem(index.CodeNotFound, fmt.Sprintf("tenant %s does not have %s", id, plugin),
		fmt.Sprintf("enable it first: oarlock tenant enable %s %s", id, plugin), "see what it has: oarlock tenant plugins "+id)
}

// chosen is i with what c names.
func chosen(i Install, c index.TenantPluginChoice) (Install, error) {
	if c.Version != "" {
		v, err := artifact.ParseVersion(c.Version)
		if err != nil {
			return i, fmt.Errorf("version: %w", err)
		}
		i.Pin = v
	}
	if c.Channel != "" {
		i.Channel = c.Channel
	}
	return i, nil
}

// install puts in the place of an install what next says of it, once what the
// tenant would be given then holds. An install that is not there is the zero
// Install.
func (s *Service) install(ctx context.Context, id string, plugin artifact.Name, next func(was Install) (Install, error)) (index.TenantPlugin, error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return index.TenantPlugin{}, err
	}
	if err := s.current(); err != nil {
		return index.TenantPlugin{}, err
	}
	sees, err := s.o.Rights.Can(ctx, auth.RepositoryPull, auth.InRepository(plugin.String()))
	if err != nil {
		return index.TenantPlugin{}, err
	}
	shown, err := s.visible(ctx)
	if err != nil {
		return index.TenantPlugin{}, err
	}
	var hosts []Host
	var n Install
	err = s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		was, err := rows.Installs().Install(ctx, plugin)
		if err != nil && !errors.Is(err, artifact.ErrNotFound) && was.Damaged == nil {
			return act, nil, err
		}
		was = was.at(s.o.Clock.Now())
		if n, err = next(was); err != nil {
			return act, nil, err
		}
		if was.Damaged != nil && n.Enabled {
			return act, nil, damaged(fmt.Sprintf("what tenant %s chose of %s", id, plugin),
				fmt.Sprintf("disable it, which drops what cannot be read, then enable it again: oarlock tenant disable %s %s", id, plugin))
		}
		if hosts, err = allHosts(ctx, rows); err != nil || alike(was, n) {
			return act, nil, err
		}
		s.keep(was, &n, hosts, s.takes(ctx, id, rows, was))
		if !chosenAlike(was, n) && (n.Enabled || n.Pin.String() != was.Pin.String()) {
			if err := s.admitted(ctx, rows, was, &n, hosts, sees); err != nil {
				return act, nil, err
			}
		}
		n.Damaged, n.ChangedBy, n.ChangedAt = nil, auth.From(ctx).Name, s.now()
		act = audit.Act{Action: auth.TenantManage, Planned: map[string]any{"plugin": plainOf(n)}}
		if was.Revision > 0 {
			act.Before = map[string]any{"plugin": plainOf(was)}
		}
		return act, func(ctx context.Context) error {
			err := rows.Installs().Put(ctx, n)
			n.Revision++
			return err
		}, nil
	})
	if err != nil {
		return index.TenantPlugin{}, err
	}
	return withEffectOf(ctx, rows, shown(s.shownInstall(ctx, id, rows, n, hosts)))
}

// alike reports whether nothing differs of what a tenant sets.
func alike(x, y Install) bool { return chosenAlike(x, y) && x.Hold.equal(y.Hold) && x.Damaged == nil }

// chosenAlike reports whether nothing that a tenant chooses differs.
func chosenAlike(x, y Install) bool {
	return x.Revision > 0 && x.Enabled == y.Enabled && x.Channel == y.Channel && x.Pin.String() == y.Pin.String()
}

// plainOf is what the audit log says of an install.
func plainOf(i Install) map[string]any {
	out := map[string]any{"id": i.Plugin.String(), "enabled": i.Enabled, "channel": i.Channel, "pin": i.Pin.String(),
		"version": i.Version.String(), "digest": i.Digest}
	if i.isHeld() {
		out["hold"] = i.Hold.shown()
	}
	return out
}

// current is nil where the catalog may be asked what a tenant is given.
func (s *Service) current() error {
	if err := s.o.Catalog.Current(); err != nil {
		return index.NewProblem(index.CodeUnavailable, err.Error(), "ask again soon; /readyz says when")
	}
	return nil
}

// mostHosts is how many hosts are read at once.
const mostHosts = 500

// damaged is that something cannot be read in the database, with what to do.
func damaged(what string, fixes ...string) error {
	return index.NewProblem(index.CodeUnavailable, what+" cannot be read in the database", fixes...)
}

// allHosts are all hosts of a tenant that can be read.
func allHosts(ctx context.Context, rows Rows) (all []Host, err error) {
	for after, read := "", false; ; {
		some, err := rows.Hosts().List(ctx, after, mostHosts)
		if err != nil {
			return nil, err
		}
		for _, h := range some {
			if h.Damaged == nil {
				all = append(all, h)
			}
		}
		if len(some) > 0 {
			after, read = some[len(some)-1].Name, true
		}
		switch {
		case len(some) == mostHosts:
		case read && len(all) == 0: // none at all is another thing: then anything fits
			return nil, damaged("what the hosts of the tenant are", "remove those and add them again: oarlock tenant host list TENANT names them")
		default:
			return all, nil
		}
	}
}

// shownInstall is an install with what its tenant is given now.
func (s *Service) shownInstall(ctx context.Context, id string, rows Rows, i Install, hosts []Host) index.TenantPlugin {
	out := index.TenantPlugin{ID: i.Plugin.String(), Enabled: i.Enabled, Channel: i.Channel, Pin: i.Pin.String(),
		Reasons: []index.Reason{}, Hosts: []index.TenantPluginHost{},
		ChangedBy: i.ChangedBy, InstalledAt: i.InstalledAt, UpdatedAt: i.ChangedAt, Revision: i.Revision,
		ConfigRevision: i.Config.Revision, ConfigDigest: i.Config.Digest}
	i = i.at(s.o.Clock.Now())
	out.Hold = i.Hold.shown()
	var c choice
	p, is := s.o.Catalog.Plugin(i.Plugin)
	if is {
		c = choose(p, i, hosts, s.takes(ctx, id, rows, i))
		out.Reasons = append(out.Reasons, c.reasons...)
		if c.version == nil && len(c.reasons) == 0 {
			out.Reasons = append(out.Reasons, index.Reason{Code: c.code, Detail: c.detail})
		}
	} else {
		c.standing = index.StandingUpdateBlocked
		out.Reasons = append(out.Reasons, unknown())
	}
	out.Status, out.Standing = asInstalled(p, c), c.standing
	if c.version != nil && i.Enabled {
		out.Version, out.Digest = c.version.Version.String(), c.version.Digest.String()
	}
	return out
}

// versionFor is what the requirements of a plugin are read of: the version that is
// given, else the one that the tenant wants, else the newest.
func versionFor(p *catalog.Plugin, i Install, c choice) *catalog.Version {
	if c.version != nil {
		return c.version
	}
	if v, is := p.At(i.Pin); is && !i.Pin.IsZero() {
		return v
	}
	k := slices.IndexFunc(p.Versions, func(v catalog.Version) bool { return len(v.Pending) == 0 && !v.Version.IsPrerelease() })
	if k < 0 {
		return nil
	}
	return &p.Versions[k]
}
