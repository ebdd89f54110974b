package app

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/registry/auth"
)

// audited is the index whose acts are written down. An act whose row cannot be
// written is told as failed, though it was done.
type audited struct {
	*joined
	accounts  *accounts
	collector *collector
}

// Promote implements api.Engine.
func (a audited) Promote(ctx context.Context, id artifact.Name, v artifact.Version, channel string) (api.Promotion, error) {
	done, err := a.joined.Promote(ctx, id, v, channel)
	if err != nil {
		return done, err
	}
	before := map[string]string{"channel": channel, "digest": done.Before}
	return done, a.accounts.Note(ctx, auth.From(ctx), auth.ChannelPromote, auth.InRepository(id.String()), before, done)
}

// Rebuild implements api.Engine.
func (a audited) Rebuild(ctx context.Context, check bool) (api.Rebuilt, error) {
	done, err := a.joined.Rebuild(ctx, check)
	if err != nil {
		return done, err
	}
	return done, a.accounts.Note(ctx, auth.From(ctx), auth.CatalogRebuild, auth.Site(), nil,
		map[string]any{"check": check, "agrees": done.Agrees, "digest": done.Rebuilt})
}

// Fsck implements api.Engine.
func (a audited) Fsck(ctx context.Context, report func(api.Damage)) error {
	damaged := 0
	err := a.joined.Fsck(ctx, func(d api.Damage) { damaged++; report(d) })
	if err != nil {
		return err
	}
	return a.accounts.Note(ctx, auth.From(ctx), auth.RegistryFsck, auth.Site(), nil, map[string]int{"damaged": damaged})
}
