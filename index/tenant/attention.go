package tenant

import (
	"context"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// Attention are the enabled plugins of a tenant of which somebody has to know
// something, with a name after that one: those that are not simply installed, that
// are given no version, or that go on with a warning. Each says why, and what to do
// next.
func (s *Service) Attention(ctx context.Context, id string, after artifact.Name, limit int) (index.TenantAttentionList, error) {
	out := index.TenantAttentionList{Items: []index.TenantAttention{}}
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
	for {
		list, err := rows.Installs().List(ctx, after, mostPerPage)
		if err != nil {
			return out, err
		}
		for _, i := range list {
			p := shown(s.shownInstall(ctx, id, rows, i, hosts))
			if needsNone(p) {
				continue
			}
			if len(out.Items) == limit {
				out.NextCursor = out.Items[limit-1].ID
				return out, withEffects(ctx, rows, out.Items)
			}
			out.Items = append(out.Items, index.TenantAttention{TenantPlugin: p, Next: nextStep(id, p)})
		}
		if len(list) < mostPerPage {
			return out, withEffects(ctx, rows, out.Items)
		}
		after = list[len(list)-1].Plugin
	}
}

// withEffects is withEffect for what needs attention.
func withEffects(ctx context.Context, rows Rows, items []index.TenantAttention) error {
	plugins := make([]index.TenantPlugin, len(items))
	for n := range items {
		plugins[n] = items[n].TenantPlugin
	}
	err := withEffect(ctx, rows, plugins)
	for n := range items {
		items[n].TenantPlugin = plugins[n]
	}
	return err
}

// needsNone reports whether nobody has to look at p.
func needsNone(p index.TenantPlugin) bool {
	return !p.Enabled || p.Status == index.InstallInstalled && p.Standing == table.OK && p.Version != "" && !heldByConfig(p)
}

// heldByConfig reports whether a newer version is held back by the configuration.
func heldByConfig(p index.TenantPlugin) bool {
	return slices.ContainsFunc(p.Reasons, func(r index.Reason) bool {
		return r.Code == index.CodeConfigBlocked || r.Code == index.CodeConfigUndecided
	})
}

// nextStep is what the tenant can do about p.
func nextStep(id string, p index.TenantPlugin) string {
	disable := fmt.Sprintf("oarlock tenant disable %s %s", id, p.ID)
	switch {
	case p.Status == index.InstallForceDisabled:
		return fmt.Sprintf("it must not run; pin another version (oarlock tenant pin %s %s@VERSION), or disable it (%s)", id, p.ID, disable)
	case p.Status == index.InstallOrphaned:
		return "it goes on where it runs, and nothing new comes; look for another (oarlock search), then disable it (" + disable + ")"
	case p.Status == index.InstallSuspended:
		return "it goes on where it runs, and no other version comes until it is resumed; nothing has to be done"
	case p.Status == index.InstallDeprecated:
		return fmt.Sprintf("it goes on and has no future; see what replaces it: oarlock show %s", p.ID)
	case heldByConfig(p):
		return fmt.Sprintf("change the configuration so that the newer version takes it: see it (oarlock tenant config show %s %s), "+
			"give another (oarlock tenant configure %s %s -f FILE)",
			id, p.ID, id, p.ID)
	case p.Version == "" && p.Pin != "":
		return fmt.Sprintf("no version is given; clear the pin (oarlock tenant unpin %s %s)", id, p.ID)
	case p.Version == "":
		return fmt.Sprintf("no version is given; see which fits its hosts: oarlock why %s", p.ID)
	}
	return fmt.Sprintf("it goes on; take another version when there is one: oarlock show %s", p.ID)
}
