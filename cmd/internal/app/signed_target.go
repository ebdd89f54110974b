package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	orascontent "oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/signed"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/storage"
)

// catalogTarget is the repository of the signed catalog as its publisher writes
// it: through the registry's own gate, as the process.
type catalogTarget struct {
	registry *registry.Registry
	storage  *storage.Storage
	// writable refuses while a newer release has the database.
	writable func() error
}

var _ oras.Target = catalogTarget{}

// Resolve implements oras.Target.
func (t catalogTarget) Resolve(ctx context.Context, reference string) (d ocispec.Descriptor, err error) {
	d.Digest, err = t.storage.Resolve(ctx, signed.Repository, reference)
	if err != nil {
		return ocispec.Descriptor{}, inOras(err)
	}
	var raw []byte
	if d.MediaType, raw, err = t.storage.Manifest(ctx, signed.Repository, d.Digest); err != nil {
		return ocispec.Descriptor{}, inOras(err)
	}
	d.Size = int64(len(raw))
	return d, nil
}

// Fetch implements oras.Target.
func (t catalogTarget) Fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	raw, err := readStored(ctx, t.storage, d)
	if err != nil {
		return nil, inOras(err)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}

func readStored(ctx context.Context, s *storage.Storage, d ocispec.Descriptor) (raw []byte, err error) {
	if d.MediaType == ocispec.MediaTypeImageManifest {
		_, raw, err = s.Manifest(ctx, signed.Repository, d.Digest)
		return raw, err
	}
	return s.Blob(ctx, signed.Repository, d.Digest, d.Size)
}

// Exists implements oras.Target.
func (t catalogTarget) Exists(ctx context.Context, d ocispec.Descriptor) (bool, error) {
	_, err := readStored(ctx, t.storage, d)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Push implements oras.Target.
func (t catalogTarget) Push(ctx context.Context, d ocispec.Descriptor, from io.Reader) error {
	if err := t.writable(); err != nil {
		return err
	}
	raw, err := orascontent.ReadAll(from, d)
	if err != nil {
		return err
	}
	if d.MediaType == ocispec.MediaTypeImageManifest {
		_, err = t.registry.Push(registry.AsProcess(ctx), signed.Repository, d.Digest.String(), d.MediaType, raw)
		return err
	}
	_, err = t.registry.PushBlob(registry.AsProcess(ctx), signed.Repository, raw)
	return err
}

// Tag implements oras.Target.
func (t catalogTarget) Tag(ctx context.Context, d ocispec.Descriptor, reference string) error {
	if err := t.writable(); err != nil {
		return err
	}
	_, raw, err := t.storage.Manifest(ctx, signed.Repository, d.Digest)
	if err != nil {
		return inOras(err)
	}
	_, err = t.registry.Push(registry.AsProcess(ctx), signed.Repository, reference, d.MediaType, raw)
	return err
}

// inOras says in the library's words that something is not there.
func inOras(err error) error {
	if errors.Is(err, artifact.ErrNotFound) {
		return fmt.Errorf("%w: %w", err, errdef.ErrNotFound)
	}
	return err
}

// replaceCatalog is how the registry r sets the tag where it still means was: signed.Replace.
func replaceCatalog(r *registry.Registry, writable func() error) func(context.Context, ocispec.Descriptor, []byte, digest.Digest) error {
	return func(ctx context.Context, d ocispec.Descriptor, raw []byte, was digest.Digest) error {
		if err := writable(); err != nil {
			return err
		}
		_, err := r.Replace(registry.AsProcess(ctx), signed.Repository, signed.Tag, d.MediaType, raw, was)
		return err
	}
}
