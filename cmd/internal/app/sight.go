package app

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
)

// sight is what the caller of ctx may know of: what he may pull. Where the
// server is for trying out, that is everything.
func (a *accounts) sight(ctx context.Context) (catalog.Sight, error) {
	return a.sightOf(ctx, auth.From(ctx))
}

// publicSight is what everybody may know of: all that is published to nobody
// in particular is made from the part of the catalog that it shows.
func (a *accounts) publicSight(ctx context.Context) (catalog.Sight, error) {
	return a.sightOf(ctx, auth.Nobody())
}

func (a *accounts) sightOf(ctx context.Context, p auth.Principal) (catalog.Sight, error) {
	if a.cfg.Dev {
		return catalog.Sight{}, nil
	}
	s, err := a.Sight(ctx, p)
	if err != nil {
		return catalog.Sight{}, err
	}
	return catalog.Sight{Class: s.Class, Sees: func(id artifact.Name) bool { return s.Pulls(id.String()) }}, nil
}
