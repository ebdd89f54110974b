package registry

import (
	"context"
	"errors"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// fetch reads what a manifest of repo references: a child or a blob.
func (g *Registry) fetch(ctx context.Context, repo string, d ocispec.Descriptor) ([]byte, error) {
	switch d.MediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex:
		m, err := g.manifestContent(ctx, repo, d.Digest)
		if err != nil {
			return nil, notReferenced(err, d)
		}
		return m.content, nil
	}
	content, err := g.Blob(ctx, repo, d.Digest, max(d.Size, 0))
	return content, notReferenced(err, d)
}

func notReferenced(err error, d ocispec.Descriptor) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return errcode.Refuse(http.StatusNotFound, errcode.ManifestBlobUnknown, "%s is referenced but not in this repository: push or mount it first", d.Digest).
		Detail(map[string]string{"digest": d.Digest.String()})
}
