package tenant

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
)

// longestHold is for how long a plugin is held at most, and longestReason how many
// bytes may say why.
const longestHold, longestReason = 366 * 24 * time.Hour, 500

// at is i as it stands now: without a hold that is over.
func (i Install) at(now time.Time) Install {
	if !now.Before(i.Hold.Until) {
		i.Hold = Hold{}
	}
	return i
}

// isHeld reports whether i has a hold; at takes away one that is over.
func (i Install) isHeld() bool { return !i.Hold.Until.IsZero() }

// why is the hold as a reason.
func (h Hold) why() index.Reason {
	said := fmt.Sprintf("held as it is until %s by %s", h.Until.Format(time.RFC3339), h.By)
	if h.Reason != "" {
		said += ": " + h.Reason
	}
	return index.Reason{Code: index.ReasonHeld, Detail: said}
}

func (h Hold) equal(to Hold) bool {
	return h.Until.Equal(to.Until) && h.Reason == to.Reason
}

// shown is nil where there is no hold.
func (h Hold) shown() *index.Hold {
	if h.Until.IsZero() {
		return nil
	}
	return &index.Hold{Until: h.Until, Reason: h.Reason, By: h.By}
}

// Hold keeps a tenant at what it is given now of a plugin, whatever its pin or channel
// says, until a time. What must not run is stopped all the same.
func (s *Service) Hold(ctx context.Context, id string, plugin artifact.Name, n index.NewHold) (index.TenantPlugin, error) {
	return s.install(ctx, id, plugin, func(was Install) (Install, error) {
		if was.Revision == 0 {
			return was, notHad(id, plugin)
		}
		h, err := s.holdOf(ctx, n)
		was.Hold = h
		return was, err
	})
}

// Unhold has a tenant follow its pin or channel again.
func (s *Service) Unhold(ctx context.Context, id string, plugin artifact.Name) (index.TenantPlugin, error) {
	return s.install(ctx, id, plugin, func(was Install) (Install, error) {
		if was.Revision == 0 {
			return was, notHad(id, plugin)
		}
		was.Hold = Hold{}
		return was, nil
	})
}

// HoldAll holds each plugin that a tenant has enabled; one that is held for longer stays so.
func (s *Service) HoldAll(ctx context.Context, id string, n index.NewHold) (index.TenantHeld, error) {
	return s.holdAll(ctx, id, func() (Hold, error) { return s.holdOf(ctx, n) })
}

// UnholdAll ends all holds of a tenant.
func (s *Service) UnholdAll(ctx context.Context, id string) (index.TenantHeld, error) {
	return s.holdAll(ctx, id, func() (Hold, error) { return Hold{}, nil })
}

func (s *Service) holdOf(ctx context.Context, n index.NewHold) (Hold, error) {
	now := s.o.Clock.Now().UTC()
	until := n.Until.UTC().Truncate(time.Second)
	switch {
	case !until.After(now) || until.After(now.Add(longestHold)):
		return Hold{}, fmt.Errorf("until %s: expected a time after now, %s, and at most 366 days later: %w",
			until.Format(time.RFC3339), now.Format(time.RFC3339), artifact.ErrInvalid)
	case len(n.Reason) > longestReason || !utf8.ValidString(n.Reason) || strings.ContainsFunc(n.Reason, unicode.IsControl):
		return Hold{}, fmt.Errorf("reason: expected at most %d bytes of text in one line: %w", longestReason, artifact.ErrInvalid)
	}
	return Hold{Until: until, Reason: n.Reason, By: auth.From(ctx).Name}, nil
}

// holdAll puts one hold on all enabled plugins of a tenant, with one row of the audit
// log.
func (s *Service) holdAll(ctx context.Context, id string, hold func() (Hold, error)) (out index.TenantHeld, err error) {
	rows, _, err := s.manage(ctx, id)
	if err != nil {
		return out, err
	}
	h, err := hold()
	if err == nil {
		err = s.current()
	}
	if err != nil {
		return out, err
	}
	out = index.TenantHeld{Plugins: []string{}, Hold: h.shown()}
	err = s.do(ctx, id, rows, func(ctx context.Context) (act audit.Act, do func(context.Context) error, err error) {
		changed, err := s.holding(ctx, id, rows, h)
		if err != nil || len(changed) == 0 {
			return act, nil, err
		}
		for _, i := range changed {
			out.Plugins = append(out.Plugins, i.Plugin.String())
		}
		act = audit.Act{Action: auth.TenantManage, Planned: out}
		return act, func(ctx context.Context) error {
			for _, i := range changed {
				if err := rows.Installs().Put(ctx, i); err != nil {
					return err
				}
			}
			return nil
		}, nil
	})
	return out, err
}

// holding are the enabled plugins that do not have that hold, with it.
func (s *Service) holding(ctx context.Context, id string, rows Rows, h Hold) (changed []Install, err error) {
	hosts, err := allHosts(ctx, rows)
	if err != nil {
		return nil, err
	}
	all, err := allInstalls(ctx, rows)
	if err != nil {
		return nil, err
	}
	for _, was := range all {
		was = was.at(s.o.Clock.Now())
		stays := was.Hold.equal(h) || !h.Until.IsZero() && (!was.Enabled || was.Hold.Until.After(h.Until))
		if was.Damaged != nil || stays {
			continue
		}
		n := was
		n.Hold, n.ChangedBy, n.ChangedAt = h, auth.From(ctx).Name, s.now()
		s.keep(was, &n, hosts, s.takes(ctx, id, rows, was))
		changed = append(changed, n)
	}
	return changed, nil
}

// keep has n remember what was is given now, which is what a hold keeps.
func (s *Service) keep(was Install, n *Install, hosts []Host, takes func(*catalog.Version) *index.Reason) {
	p, is := s.o.Catalog.Plugin(n.Plugin)
	if !is || !n.isHeld() || was.isHeld() {
		return
	}
	if c := choose(p, was, hosts, takes); c.version != nil {
		n.Version, n.Digest = c.version.Version, c.version.Digest.String()
	}
}
