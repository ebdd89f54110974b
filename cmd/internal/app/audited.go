package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// audited is the index whose acts are written down before they are done. An
// act whose row cannot be written is not done.
type audited struct {
	*joined
	accounts  *accounts
	collector *collector
}

// begin writes down that the caller of ctx is about to do something, or
// refuses. failed writes down that nothing came of it, and gives its cause back.
func (a *accounts) begin(ctx context.Context, action auth.Action, r auth.Resource, before, planned any) (failed func(error) error, err error) {
	by := auth.From(ctx)
	if err := a.Note(ctx, by, action, r, before, planned); err != nil {
		return nil, fmt.Errorf("%s on %s: not begun, because it could not be written down: %w", action, r, err)
	}
	return func(cause error) error {
		return errors.Join(cause, a.NoteFailure(ctx, by, action, r, cause))
	}, nil
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
	failed, err := a.accounts.begin(ctx, auth.ChannelPromote, auth.InRepository(id.String()), before,
		map[string]string{"channel": channel, "version": v.String()})
	if err != nil {
		return index.Promotion{}, err
	}
	done, err := a.joined.Promote(ctx, id, v, channel)
	if err != nil {
		return done, failed(err)
	}
	return done, nil
}

// Rebuild implements api.Engine.
func (a audited) Rebuild(ctx context.Context, check bool) (index.Rebuilt, error) {
	failed, err := a.accounts.begin(ctx, auth.CatalogRebuild, auth.Site(), nil, map[string]any{"begun": true, "check": check})
	if err != nil {
		return index.Rebuilt{}, err
	}
	done, err := a.joined.Rebuild(ctx, check)
	if err != nil {
		return done, failed(err)
	}
	return done, a.accounts.Note(ctx, auth.From(ctx), auth.CatalogRebuild, auth.Site(), nil,
		map[string]any{"check": check, "agrees": done.Agrees, "digest": done.Rebuilt})
}

// Fsck implements api.Engine.
func (a audited) Fsck(ctx context.Context, report func(index.Damage)) error {
	failed, err := a.accounts.begin(ctx, auth.RegistryFsck, auth.Site(), nil, map[string]bool{"begun": true})
	if err != nil {
		return err
	}
	damaged := 0
	if err := a.joined.Fsck(ctx, func(d index.Damage) { damaged++; report(d) }); err != nil {
		return failed(err)
	}
	return a.accounts.Note(ctx, auth.From(ctx), auth.RegistryFsck, auth.Site(), nil, map[string]int{"damaged": damaged})
}
