package registry

import (
	"context"
	"time"

	"github.com/distribution/distribution/v3/registry/storage"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// purgeLoop removes old uploads now and then until ctx ends.
func (g *Registry) purgeLoop(ctx context.Context) {
	tick := time.NewTicker(g.opts.PurgeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.PurgeUploads(ctx)
		}
	}
}

// PurgeUploads removes the uploads that were begun longer ago than
// Options.UploadAge and says how many that were. What cannot be removed is
// logged and tried again the next time.
func (g *Registry) PurgeUploads(ctx context.Context) int {
	gone, errs := storage.PurgeUploads(ctx, g.driver, g.storage.Now().Add(-g.opts.UploadAge), true)
	for _, err := range errs {
		if !driver.IsNotFound(err) && ctx.Err() == nil {
			g.log.WarnContext(ctx, "registry: old upload stays", "err", err)
		}
	}
	n := len(gone) + g.sessions.purge(g.storage.Now().Add(-g.opts.UploadAge))
	if n > 0 {
		g.log.InfoContext(ctx, "registry: old uploads removed", "count", n)
	}
	return n
}
