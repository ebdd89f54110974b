package app

import (
	"context"

	"github.com/oarlock/oarlock/index/quota"
	"github.com/oarlock/oarlock/registry"
)

// storedBy counts what a registry holds.
func storedBy(r *registry.Registry) quota.Storage {
	return func(ctx context.Context, namespace string) (quota.Held, error) {
		held, err := r.Usage(ctx, namespace)
		return quota.Held{Bytes: held.Bytes + held.Uploads, Versions: held.Versions}, err
	}
}

// keepUsage keeps the sums until ctx ends.
func (a *accounts) keepUsage(ctx context.Context) {
	for wait(ctx, quota.LookEvery) {
		if err := a.usage.Look(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "quota: usage is counted again later", "err", err)
		}
	}
	if err := a.usage.Save(context.WithoutCancel(ctx)); err != nil {
		a.log.Error("quota: usage is counted anew at the next start", "err", err)
	}
}
