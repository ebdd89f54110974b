package tenant

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/entitlement"
)

// admitted says whether a tenant may have what n says, and sets in n what it is
// given. It refuses in this order, by the first that does not hold: tier, niche,
// the version that is named, the hosts, the quota, the lifecycle.
func (s *Service) admitted(ctx context.Context, rows Rows, was Install, n *Install, hosts []Host, sees bool) error {
	p, is := s.o.Catalog.Plugin(n.Plugin)
	if !is || !sees { // whoever may not know of it is told nothing of its versions, also where the tenant has it
		return fmt.Errorf("plugin %s: %w", n.Plugin, artifact.ErrNotFound)
	}
	t, err := rows.Tenant(ctx)
	if err != nil {
		return err
	}
	free := *n
	free.Hold = Hold{} // what is chosen must hold once nothing is held
	c := choose(p, free, hosts, s.takes(ctx, t.ID, rows, *n))
	if err := s.entitled(t, needsOf(p.ID, versionFor(p, *n, c))); err != nil {
		return err
	}
	if c.version == nil && c.code != index.CodeLifecycleBlocked {
		return index.NewProblem(c.code, c.detail, fixesOf(c.code, t.ID, n.Plugin)...)
	}
	if n.Enabled && !was.Enabled {
		used, err := rows.Installs().Enabled(ctx)
		if err != nil {
			return err
		}
		if t.MaxInstalls > 0 && used >= t.MaxInstalls {
			return index.NewExceeded("installs", t.MaxInstalls, used, 1)
		}
	}
	if c.version == nil {
		return index.NewProblem(c.code, c.detail, fixesOf(c.code, t.ID, n.Plugin)...)
	}
	if !n.isHeld() {
		n.Version, n.Digest = c.version.Version, c.version.Digest.String()
	}
	return nil
}

// needs are what a plugin asks of a tenant.
type needs struct {
	id     artifact.Name
	tier   string
	niches []string
}

// entitled refuses a plugin for which a tenant's tier is too low, or could not be
// told, or that is for other niches.
func (s *Service) entitled(t Tenant, n needs) error {
	switch f := s.o.Tiers.Reach(t.Tier, n.tier); f.Outcome {
	case policy.Allow:
	case policy.Deny:
		return index.NewProblem(index.CodeTierTooLow, fmt.Sprintf("%s: %s", n.id, f.Reason),
			fmt.Sprintf("an admin of the site sets the tier: oarlock tenant set %s --tier %s", t.ID, n.tier))
	default:
		return index.NewProblem(index.CodeTierUnknown, fmt.Sprintf("%s: %s", n.id, f.Reason),
			"the operator of the site lists its tiers in the configuration, the lowest first")
	}
	if f := entitlement.Niches(t.Niches, n.niches); f.Outcome != policy.Allow {
		return index.NewProblem(index.CodeNicheMismatch, fmt.Sprintf("%s: %s", n.id, f.Reason),
			fmt.Sprintf("an admin of the site sets the niches: oarlock tenant set %s --niche …", t.ID))
	}
	return nil
}

func fixesOf(code, id string, plugin artifact.Name) []string {
	switch code {
	case index.CodeHostIncompatible:
		return []string{"see which hosts it has: oarlock tenant host list " + id, "see what the plugin runs in: oarlock show " + plugin.String()}
	case index.CodeConfigBlocked, index.CodeConfigUndecided:
		return []string{fmt.Sprintf("see the configuration: oarlock tenant config show %s %s", id, plugin),
			fmt.Sprintf("give one that both versions take, then try again: oarlock tenant configure %s %s -f FILE", id, plugin)}
	case index.CodeLifecycleBlocked:
		return []string{"see why: oarlock show " + plugin.String(), fmt.Sprintf("what the tenant has already goes on; see it: oarlock tenant plugins %s", id)}
	}
	return []string{"see its versions and channels: oarlock show " + plugin.String()}
}

// needsOf reads what a version asks; one that cannot be read asks nothing, and is
// given to nobody.
func needsOf(id artifact.Name, v *catalog.Version) needs {
	if v == nil || v.Plugin == nil {
		return needs{id: id}
	}
	return needs{id, v.Plugin.Tier, v.Plugin.Niches}
}
