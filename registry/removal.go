package registry

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage"
)

// A Removal is what a request is about to delete.
type Removal struct {
	Tag          string        // of a tag, else ""
	Digest       digest.Digest // of the manifest or blob, or of what the tag means
	Blob         bool
	Subject      digest.Digest // of a referrer, else ""
	ArtifactType string
}

// A DeleteAdmitter is an Admitter that is also told of every delete that the
// gate lets through, before anything is deleted: to write it down. Its error
// refuses. failed is called with what went wrong afterwards, and gives that
// error back.
type DeleteAdmitter interface {
	AdmitDelete(ctx context.Context, a Access, what Removal) (failed func(error) error, err error)
}

// beginDelete tells the Admitter. What cannot be written down is not deleted.
func (g *Registry) beginDelete(ctx context.Context, at route, what Removal) (failed func(error) error, err error) {
	a, ok := g.opts.Admitter.(DeleteAdmitter)
	if !ok || isProcess(ctx) {
		return func(err error) error { return err }, nil
	}
	failed, err = a.AdmitDelete(ctx, Access{Principal: at.who, Action: Delete, Repository: at.repo}, what)
	if err != nil {
		return nil, storage.CouldNotTell("whether this delete could be written down", err)
	}
	return failed, nil
}
