package pack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/oarlock/oarlock/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
)

// annotationUnpack marks a layer that oras made from a directory.
const annotationUnpack = "io.deis.oras.content.unpack"

// Extract unpacks every layer of the image manifest m, fetched from store,
// into dir. The limits hold for all layers together. Each layer is verified whole
// against its digest before a byte of it is unpacked; one that differs gives
// ErrUnverified. A layer that is neither an archive nor has a title is refused.
func Extract(ctx context.Context, store content.Fetcher, m *artifact.Manifest, dir string, l Limits) error {
	if m.IsIndex() {
		return fmt.Errorf("extract %s: it is an image index, expected the manifest of one platform: %w", m.Descriptor.Digest, artifact.ErrInvalid)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("extract: %w", err)
	}
	for i, d := range m.Layers {
		if d.MediaType == ocispec.MediaTypeEmptyJSON {
			continue
		}
		if err := extractLayer(ctx, store, d, dir, l); err != nil {
			return fmt.Errorf("layers[%d] %s: %w", i, d.Digest, err)
		}
	}
	return nil
}

func extractLayer(ctx context.Context, store content.Fetcher, d ocispec.Descriptor, dir string, l Limits) error {
	title := d.Annotations[ocispec.AnnotationTitle]
	archive := IsArchive(d.MediaType) && (title == "" || d.MediaType == artifact.TypeContent || d.Annotations[annotationUnpack] == "true")
	if !archive && title == "" {
		return refuse(CodeMediaType, "", "%q is no archive, and it has no title to be a file by", d.MediaType)
	}
	f, err := spool(ctx, store, d)
	if err != nil {
		return err
	}
	defer func() {
		f.Close()
		os.Remove(f.Name())
	}()
	if archive {
		return Unpack(ctx, f, d.MediaType, dir, l)
	}
	return UnpackFile(ctx, f, title, dir, l)
}

// spool copies d to a temporary file and verifies it there.
func spool(ctx context.Context, store content.Fetcher, d ocispec.Descriptor) (*os.File, error) {
	rc, err := store.Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	f, err := os.CreateTemp("", "oarlock-layer-*")
	if err != nil {
		return nil, err
	}
	vr := content.NewVerifyReader(rc, d)
	_, err = io.Copy(f, vr)
	if err == nil {
		err = vr.Verify()
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		if errors.Is(err, content.ErrMismatchedDigest) || errors.Is(err, content.ErrTrailingData) {
			return nil, fmt.Errorf("%s: %w", err, artifact.ErrUnverified)
		}
		return nil, err
	}
	return f, nil
}
