package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// engine is what the index does beside reading: api.Engine. Each act is written
// down before it is done, and one whose row cannot be written is not done.
type engine struct {
	*upkeep.Collector
	index    *joined
	registry *registry.Registry
	stored   upkeep.Stored
	acts     audit.Log
}

var _ api.Engine = engine{}

// Promote implements api.Engine.
func (a engine) Promote(ctx context.Context, id artifact.Name, v artifact.Version, channel string) (index.Promotion, error) {
	before := map[string]string{"channel": channel}
	switch d, err := a.stored.Storage.Resolve(ctx, id.String(), channel); {
	case err == nil:
		before["digest"] = d.String()
	case !errors.Is(err, artifact.ErrNotFound):
		return index.Promotion{}, err
	}
	done, is, err := promoted(ctx, a, id, v, channel, before["digest"])
	if err != nil || is {
		return done, err
	}
	err = a.acts.Do(ctx, audit.Act{Action: auth.ChannelPromote, On: auth.InRepository(id.String()), Before: before,
		Planned: map[string]string{"channel": channel, "version": v.String()}}, func(ctx context.Context) (_ any, err error) {
		done, err = promote(ctx, a.registry, a.stored, a.index, id, v, channel)
		return nil, err
	})
	return done, err
}

// promoted reports whether a channel that is at a digest is at a version already, and that
// may be pulled: there is nothing to do then, and nothing to write down.
func promoted(ctx context.Context, a engine, id artifact.Name, v artifact.Version, channel, at string) (index.Promotion, bool, error) {
	done := index.Promotion{ID: id.String(), Channel: channel, Version: v.String(), Digest: at, Before: at}
	if err := a.acts.May(ctx, auth.ChannelPromote, auth.InRepository(id.String())); err != nil {
		return done, false, err
	}
	to, err := a.stored.Storage.Resolve(ctx, id.String(), v.Tag())
	if err != nil || to.String() != at {
		return done, false, nil // whoever promotes it says what is wrong
	}
	_, withheld, err := a.stored.Blocks.Withheld(ctx, id.String(), to)
	return done, err == nil && !withheld, nil
}

// RemoveChannel implements api.Engine.
func (a engine) RemoveChannel(ctx context.Context, id artifact.Name, channel string) (index.RemovedChannel, error) {
	done := index.RemovedChannel{ID: id.String(), Channel: channel}
	switch d, err := a.stored.Storage.Resolve(ctx, id.String(), channel); {
	case err == nil:
		done.Before = d.String()
	case errors.Is(err, artifact.ErrNotFound):
		return done, index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s has no channel %q", id, channel), "see which there are: oarlock channel list "+id.String())
	case !errors.Is(err, artifact.ErrUnverified): // a damaged one may go
		return done, err
	}
	err := a.acts.Do(ctx, audit.Act{Action: audit.ChannelRemove, On: auth.InRepository(id.String()),
		Needs:  &audit.Right{Action: auth.ChannelPromote, On: auth.InRepository(id.String())},
		Before: map[string]string{"channel": channel, "digest": done.Before}, Planned: map[string]any{"channel": channel, "removed": true}},
		func(ctx context.Context) (any, error) {
			if err := a.registry.RemoveChannel(ctx, id.String(), channel); err != nil {
				return nil, err
			}
			return nil, a.index.ingest.Settled(ctx)
		})
	return done, err
}

// Rebuild implements api.Engine.
func (a engine) Rebuild(ctx context.Context, check bool) (done index.Rebuilt, err error) {
	err = a.acts.Do(ctx, audit.Act{Action: auth.CatalogRebuild, On: auth.Site(), Planned: map[string]any{"begun": true, "check": check}},
		func(ctx context.Context) (_ any, err error) {
			if done, err = rebuild(ctx, a.index, check); err != nil {
				return nil, err
			}
			return map[string]any{"check": check, "agrees": done.Agrees, "digest": done.Rebuilt}, nil
		})
	return done, err
}

// Fsck implements api.Engine.
func (a engine) Fsck(ctx context.Context, report func(index.Damage)) error {
	return a.acts.Do(ctx, audit.Act{Action: auth.RegistryFsck, On: auth.Site(), Planned: map[string]bool{"begun": true}},
		func(ctx context.Context) (any, error) {
			damaged := 0
			err := fsck(ctx, a.stored.Checks, a.index, func(d index.Damage) { damaged++; report(d) })
			return map[string]int{"damaged": damaged}, err
		})
}

// Config implements api.Engine: it reads the plugin manifest of a version.
func (a engine) Config(ctx context.Context, id artifact.Name, v *catalog.Version) (*artifact.Plugin, error) {
	raw, err := a.stored.Storage.Blob(ctx, id.String(), v.Config, artifact.MaxConfig)
	if err != nil {
		return nil, err
	}
	return artifact.ParsePlugin(raw)
}

// promote points a channel at a version.
func promote(ctx context.Context, r *registry.Registry, stored upkeep.Stored, j *joined, id artifact.Name, v artifact.Version, channel string) (index.Promotion, error) {
	to, err := stored.Storage.Resolve(ctx, id.String(), v.Tag())
	if err != nil {
		return index.Promotion{}, err
	}
	switch w, withheld, err := stored.Blocks.Withheld(ctx, id.String(), to); {
	case err != nil:
		return index.Promotion{}, fmt.Errorf("whether %s@%s is withheld: %w", id, v, err)
	case withheld: // since the catalog was asked
		return index.Promotion{}, index.NewProblem(index.CodeVersionNotListed, fmt.Sprintf("%s@%s is %s: %s; the channel stays as it was", id, v, w.Kind, w.Reason), "promote another version")
	}
	done := index.Promotion{ID: id.String(), Channel: channel, Version: v.String(), Digest: to.String()}
	switch before, err := stored.Storage.Resolve(ctx, id.String(), channel); {
	case err == nil:
		done.Before = before.String()
	case !errors.Is(err, artifact.ErrNotFound):
		return done, err
	}
	if err := r.SetChannel(ctx, id.String(), channel, to); err != nil {
		return done, err
	}
	return done, j.ingest.Settled(ctx)
}

// rebuild derives the catalog anew.
func rebuild(ctx context.Context, j *joined, check bool) (index.Rebuilt, error) {
	c, err := j.ingest.Check(ctx)
	if err != nil {
		return index.Rebuilt{}, err
	}
	out := index.Rebuilt{Rebuilt: c.Rebuilt.String(), Agrees: len(c.Differ) == 0}
	for _, d := range c.Differ {
		out.Differences = append(out.Differences, fmt.Sprintf("%s: %s", d.ID, d.Detail))
	}
	if !check {
		if _, err := j.ingest.Reconcile(ctx); err != nil {
			return out, err
		}
	}
	out.Stamp = j.live.Current().Stamp()
	return out, nil
}

// fsck reads everything stored, and names the ledgers that do not hold.
func fsck(ctx context.Context, checks *integrity.Checker, j *joined, report func(index.Damage)) error {
	err := checks.Fsck(ctx, func(d driver.Damage) {
		report(upkeep.Damage(d))
	})
	for _, bad := range j.ingest.BadLedgers() {
		for _, f := range bad.Problems() {
			report(index.Damage{Kind: "ledger", Repository: bad.Ref.Repository(), Tag: bad.Ref.Tag(), Digest: f.Digest.String(), Path: bad.Ref.String(), What: f.Code + ": " + f.Detail})
		}
	}
	return err
}
