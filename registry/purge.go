package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/distribution/distribution/v3/registry/storage"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// PurgeUploads removes the uploads that were begun longer ago than
// Options.UploadAge and says how many that were. Whoever serves a Registry calls
// it every few hours. The error joins what could not be removed, which stays
// until the next call.
func (g *Registry) PurgeUploads(ctx context.Context) (int, error) {
	gone, errs := storage.PurgeUploads(ctx, g.driver, g.storage.Now().Add(-g.opts.UploadAge), true)
	errs = slices.DeleteFunc(errs, driver.IsNotFound)
	n := len(gone) + g.sessions.purge(g.storage.Now().Add(-g.opts.UploadAge))
	if n > 0 {
		g.log.InfoContext(ctx, "registry: old uploads removed", "count", n)
	}
	if err := errors.Join(errs...); err != nil {
		return n, fmt.Errorf("registry: old uploads stay: %w", err)
	}
	return n, nil
}
