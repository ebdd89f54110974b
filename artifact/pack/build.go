package pack

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A builder puts the blobs and manifests of one plugin into a store.
type builder struct {
	store  *store
	root   *os.Root
	dir    string
	memory int64
}

// plugin adds everything and returns the descriptor of the root.
func (b *builder) plugin(ctx context.Context, p *artifact.Plugin, s *parts) (ocispec.Descriptor, error) {
	var shared []ocispec.Descriptor
	if len(s.shared) > 0 {
		d, err := b.layer(ctx, s.shared)
		if err != nil {
			return d, err
		}
		shared = append(shared, d)
	}
	if len(s.platforms) == 0 {
		return b.manifest(p, shared)
	}
	index := ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		ArtifactType: artifact.TypePlugin, Annotations: p.Annotations(),
	}
	for _, platform := range s.platforms {
		own, err := b.layer(ctx, s.overlay[platform])
		if err != nil {
			return own, err
		}
		child, err := b.manifest(onPlatform(p, platform), append(slices.Clone(shared), own))
		if err != nil {
			return child, err
		}
		child.Platform = platform.OCI()
		index.Manifests = append(index.Manifests, child)
	}
	return b.json(index.MediaType, index)
}

// onPlatform is p as the child of one platform says it.
func onPlatform(p *artifact.Plugin, platform artifact.Platform) *artifact.Plugin {
	child := *p
	child.Platforms = []artifact.Platform{platform}
	child.Payloads = nil
	for _, l := range p.Payloads {
		if platform.Runs(l.Platform) {
			child.Payloads = append(child.Payloads, l)
		}
	}
	return &child
}

func (b *builder) manifest(p *artifact.Plugin, layers []ocispec.Descriptor) (ocispec.Descriptor, error) {
	config, err := b.json(artifact.TypeConfig, p)
	if err != nil {
		return config, err
	}
	m := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: artifact.TypePlugin, Config: config, Layers: layers, Annotations: p.Annotations(),
	}
	d, err := b.json(m.MediaType, m)
	d.ArtifactType = artifact.TypePlugin
	return d, err
}

func (b *builder) json(mediaType string, v any) (ocispec.Descriptor, error) {
	raw, err := canonical(v)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	b.store.add(d, blob{data: raw})
	return d, nil
}

// layer hashes the layer once and keeps its bytes only while they are few.
func (b *builder) layer(ctx context.Context, files tree) (ocispec.Descriptor, error) {
	keep := &prefix{most: b.memory}
	hash := digest.Canonical.Digester()
	if err := writeLayer(ctx, io.MultiWriter(hash.Hash(), keep), b.root, files); err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: artifact.TypeContent, Digest: hash.Digest(), Size: keep.size}
	if keep.size <= keep.most {
		b.store.add(d, blob{data: keep.buf.Bytes()})
	} else {
		b.store.add(d, blob{dir: b.dir, files: files})
	}
	return d, nil
}

// A prefix counts what is written and keeps it while it fits.
type prefix struct {
	buf        bytes.Buffer
	size, most int64
}

func (p *prefix) Write(b []byte) (int, error) {
	p.size += int64(len(b))
	if p.size > p.most {
		p.buf = bytes.Buffer{}
		return len(b), nil
	}
	return p.buf.Write(b)
}
