package pack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/klauspost/compress/gzip"
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
	memory int64 // that is left
}

// plugin adds everything and returns the descriptor of the root.
func (b *builder) plugin(ctx context.Context, p *artifact.Plugin, s *parts) (ocispec.Descriptor, error) {
	var shared []ocispec.Descriptor
	if len(s.shared) > 0 {
		d, err := b.layer(ctx, s.shared, archiveName(p, artifact.Platform{}))
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
		if _, err := append(slices.Clone(s.shared), s.overlay[platform]...).unpackable(); err != nil {
			return ocispec.Descriptor{}, fmt.Errorf("%s: %w", platform, err)
		}
		own, err := b.layer(ctx, s.overlay[platform], archiveName(p, platform))
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
	child.Payloads = p.PayloadsFor(platform)
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

// archiveName titles a layer, so that tools which know nothing of plugins save
// it as a file instead of passing over it.
func archiveName(p *artifact.Plugin, platform artifact.Platform) string {
	name := p.ID.Plugin() + "-" + p.Version.Tag()
	if !platform.IsZero() {
		name += "-" + overlayName(platform)
	}
	return name + ".tar.gz"
}

// layer hashes the layer once and keeps its bytes only while they are few.
func (b *builder) layer(ctx context.Context, files tree, title string) (ocispec.Descriptor, error) {
	size, err := files.unpackable()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	keep := &prefix{most: b.memory}
	hash := digest.Canonical.Digester()
	w := io.MultiWriter(hash.Hash(), keep)
	if size > DefaultLimits.RatioFree {
		err = inflated(ctx, w, func(w io.Writer) error { return writeLayer(ctx, w, b.root, files) })
	} else {
		err = writeLayer(ctx, w, b.root, files)
	}
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: artifact.TypeContent, Digest: hash.Digest(), Size: keep.size,
		Annotations: map[string]string{ocispec.AnnotationTitle: title}}
	if keep.size <= keep.most {
		b.memory -= keep.size
		b.store.add(d, blob{data: keep.buf.Bytes()})
	} else {
		b.store.add(d, blob{dir: b.dir, files: files})
	}
	return d, nil
}

// inflated writes to w and unpacks what is written at the same time, so that
// a layer which Unpack would take for a bomb is never made.
func inflated(ctx context.Context, w io.Writer, write func(io.Writer) error) error {
	r, pipe := io.Pipe()
	checked := make(chan error, 1)
	go func() {
		src := &countingReader{ctx: ctx, r: r}
		zr, err := gzip.NewReader(src)
		if err == nil {
			_, err = io.Copy(io.Discard, &expanded{src: src, r: zr, limits: DefaultLimits, bounded: true})
		}
		r.CloseWithError(err)
		checked <- err
	}()
	err := write(io.MultiWriter(w, pipe))
	pipe.CloseWithError(err)
	found := <-checked
	if bad, ok := errors.AsType[*UnpackError](found); ok {
		return fmt.Errorf("a layer that nobody would take: %w", bad)
	}
	return cmp.Or(err, found)
}

// unpackable refuses what Unpack would refuse everywhere else: better here,
// before a version number is used up. It gives the size of all files.
func (t tree) unpackable() (int64, error) {
	l := DefaultLimits
	var size int64
	for _, f := range t {
		size += f.size
		if f.size > l.FileBytes {
			return 0, fmt.Errorf("%s: %d bytes, expected at most %d: %w", f.path, f.size, l.FileBytes, artifact.ErrInvalid)
		}
	}
	switch {
	case len(t) > l.Entries:
		return 0, fmt.Errorf("%d files, expected at most %d: name in %s what is not needed: %w", len(t), l.Entries, IgnoreFile, artifact.ErrInvalid)
	case size > l.Bytes:
		return 0, fmt.Errorf("%d bytes in all, expected at most %d: %w", size, l.Bytes, artifact.ErrInvalid)
	}
	return size, nil
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
