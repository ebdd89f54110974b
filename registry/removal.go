package registry

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
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

// beginDelete tells the guard of deletes. What cannot be written down is not deleted.
func (g Guards) beginDelete(ctx context.Context, at route, what Removal) (failed func(error) error, err error) {
	if isProcess(ctx) {
		return func(err error) error { return err }, nil
	}
	failed, err = g.Deletes.AdmitDelete(ctx, Access{Principal: at.who, Action: Delete, Repository: at.repo}, what)
	switch {
	case errors.Is(err, artifact.ErrDenied):
		return nil, err
	case err != nil:
		return nil, storage.CouldNotTell("whether this delete could be written down", err)
	}
	return failed, nil
}
