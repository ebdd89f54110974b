package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// A version is one artifact ready to be pushed: config, the empty layer that
// stands for "nothing inside", and the manifest.
type version struct {
	root  ocispec.Descriptor
	blobs map[digest.Digest][]byte
}

func newVersion(p *artifact.Plugin) (*version, error) {
	v := &version{blobs: map[digest.Digest][]byte{}}
	config, err := v.add(artifact.TypeConfig, p)
	if err != nil {
		return nil, err
	}
	v.blobs[ocispec.DescriptorEmptyJSON.Digest] = ocispec.DescriptorEmptyJSON.Data
	empty := ocispec.DescriptorEmptyJSON
	empty.Data = nil
	v.root, err = v.add(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifact.TypePlugin,
		Config: config, Layers: []ocispec.Descriptor{empty}, Annotations: p.Annotations(),
	})
	return v, err
}

func (v *version) add(mediaType string, content any) (ocispec.Descriptor, error) {
	raw, err := json.Marshal(content)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	v.blobs[d.Digest] = raw
	return d, nil
}

// Exists and Fetch make a version a storage that oras-go copies from.
func (v *version) Exists(_ context.Context, d ocispec.Descriptor) (bool, error) {
	_, ok := v.blobs[d.Digest]
	return ok, nil
}

// Fetch gives the bytes of one blob.
func (v *version) Fetch(_ context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	raw, ok := v.blobs[d.Digest]
	if !ok {
		return nil, fmt.Errorf("%s: %w", d.Digest, errdef.ErrNotFound)
	}
	return io.NopCloser(bytes.NewReader(raw)), nil
}
