package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/upkeep"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
)

// audited is the index whose acts are written down before they are done. An
// act whose row cannot be written is not done.
type audited struct {
	*joined
	*upkeep.Collector
	accounts *accounts
}

// May implements publisher.Rights.
func (a *accounts) May(ctx context.Context, action auth.Action, r auth.Resource) error {
	return auth.Problem(a.Check(ctx, action, r))
}

// acts does what is audited, for whoever may.
func (a *accounts) acts() audit.Log { return audit.Log{May: a.May, Rows: a.trail} }

// do does what is written down.
func (a *accounts) do(ctx context.Context, act audit.Act, do func(context.Context) (after any, err error)) error {
	return a.acts().Do(ctx, act, do)
}

// Promote implements api.Engine.
func (a audited) Promote(ctx context.Context, id artifact.Name, v artifact.Version, channel string) (index.Promotion, error) {
	before := map[string]string{"channel": channel}
	switch d, err := a.registry.Resolve(ctx, id.String(), channel); {
	case err == nil:
		before["digest"] = d.String()
	case !errors.Is(err, artifact.ErrNotFound):
		return index.Promotion{}, err
	}
	var done index.Promotion
	err := a.accounts.do(ctx, audit.Act{Action: auth.ChannelPromote, On: auth.InRepository(id.String()), Before: before,
		Planned: map[string]string{"channel": channel, "version": v.String()}}, func(ctx context.Context) (_ any, err error) {
		done, err = a.joined.Promote(ctx, id, v, channel)
		return nil, err
	})
	return done, err
}

// RemoveChannel implements api.Engine.
func (a audited) RemoveChannel(ctx context.Context, id artifact.Name, channel string) (index.RemovedChannel, error) {
	done := index.RemovedChannel{ID: id.String(), Channel: channel}
	switch d, err := a.registry.Resolve(ctx, id.String(), channel); {
	case err == nil:
		done.Before = d.String()
	case errors.Is(err, artifact.ErrNotFound):
		return done, index.NewProblem(index.CodeNotFound, fmt.Sprintf("%s has no channel %q", id, channel), "see which there are: oarlock channel list "+id.String())
	case !errors.Is(err, artifact.ErrUnverified): // a damaged one may go
		return done, err
	}
	err := a.accounts.do(ctx, audit.Act{Action: auth.ChannelPromote, On: auth.InRepository(id.String()),
		Before: map[string]string{"channel": channel, "digest": done.Before}, Planned: map[string]any{"channel": channel, "removed": true}},
		func(ctx context.Context) (any, error) {
			if err := a.registry.RemoveChannel(ctx, id.String(), channel); err != nil {
				return nil, err
			}
			return nil, a.ingest.Settled(ctx)
		})
	return done, err
}

// Rebuild implements api.Engine.
func (a audited) Rebuild(ctx context.Context, check bool) (done index.Rebuilt, err error) {
	err = a.accounts.do(ctx, audit.Act{Action: auth.CatalogRebuild, On: auth.Site(), Planned: map[string]any{"begun": true, "check": check}},
		func(ctx context.Context) (_ any, err error) {
			if done, err = a.joined.Rebuild(ctx, check); err != nil {
				return nil, err
			}
			return map[string]any{"check": check, "agrees": done.Agrees, "digest": done.Rebuilt}, nil
		})
	return done, err
}

// Fsck implements api.Engine.
func (a audited) Fsck(ctx context.Context, report func(index.Damage)) error {
	return a.accounts.do(ctx, audit.Act{Action: auth.RegistryFsck, On: auth.Site(), Planned: map[string]bool{"begun": true}},
		func(ctx context.Context) (any, error) {
			damaged := 0
			err := a.joined.Fsck(ctx, func(d index.Damage) { damaged++; report(d) })
			return map[string]int{"damaged": damaged}, err
		})
}
