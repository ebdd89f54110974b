package storage

import (
	"context"
	"errors"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// Fetch reads what a manifest of repo references: a child or a blob.
func (s *Storage) Fetch(ctx context.Context, repo string, d ocispec.Descriptor) ([]byte, error) {
	switch d.MediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex:
		m, err := s.ManifestContent(ctx, repo, d.Digest)
		if err != nil {
			return nil, NotReferenced(err, d)
		}
		return m.Content, nil
	}
	content, err := s.Blob(ctx, repo, d.Digest, max(d.Size, 0))
	return content, NotReferenced(err, d)
}

// NotReferenced says err, of reading what a manifest names, as the refusal of
// that manifest where d is not in the repository.
func NotReferenced(err error, d ocispec.Descriptor) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return errcode.Refuse(http.StatusNotFound, errcode.ManifestBlobUnknown, "%s is referenced but not in this repository: push or mount it first", d.Digest).
		Detail(map[string]string{"digest": d.Digest.String()})
}
