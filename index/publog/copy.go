package publog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/mod/sumdb/note"

	"github.com/oarlock/oarlock/artifact"
)

const (
	partTiles  = 128
	partLeaves = partTiles * tileWidth

	keyAttached    = "dev.oarlock.log.proofs" // so many leaves have their proofs
	checkpointName = "checkpoint"
	// maxTile bounds a tile, in bytes; sealed events are the longest.
	maxTile = 1 << 20
)

// A copyOf is what a registry holds of the log.
type copyOf struct {
	origin   string
	index    digest.Digest
	size     int64
	attached int64
	parts    map[int64]ocispec.Descriptor  // manifests
	layers   map[string]ocispec.Descriptor // of the head and of the part that is not whole, by title
}

// has reports whether the copy is of a checkpoint, or of one with more leaves.
func (c *copyOf) has(signed string, at Checkpoint) bool {
	return c.size > at.N || c.size == at.N && c.layers[checkpointName].Digest == digest.FromString(signed)
}

// readCopy reads what a registry holds of a log; nothing, or what is of another
// log or damaged, is the empty copy, and is written anew.
func readCopy(ctx context.Context, from Registry, by note.Verifier) (*copyOf, error) {
	none := &copyOf{parts: map[int64]ocispec.Descriptor{}, layers: map[string]ocispec.Descriptor{}}
	c, err := parseCopy(ctx, from, Tag)
	switch {
	case errors.Is(err, artifact.ErrNotFound), errors.Is(err, artifact.ErrUnverified), errors.Is(err, artifact.ErrInvalid):
		return none, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", Repository, err)
	case c.origin != by.Name():
		return none, nil
	}
	return c, nil
}

// parseCopy reads the index, the head and the last part of a copy. Errors wrap
// artifact.ErrInvalid where they are none.
func parseCopy(ctx context.Context, from Source, reference string) (*copyOf, error) {
	d, raw, err := from.Manifest(ctx, Repository, reference)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := artifact.UnmarshalStrict(raw, &index); err != nil {
		return nil, fmt.Errorf("index: %w: %w", err, artifact.ErrInvalid)
	}
	if index.ArtifactType != TypeLog {
		return nil, fmt.Errorf("index: artifactType %.80q, expected %s: %w", index.ArtifactType, TypeLog, artifact.ErrInvalid)
	}
	c := &copyOf{origin: index.Annotations[KeyOrigin], index: d.Digest, parts: map[int64]ocispec.Descriptor{}, layers: map[string]ocispec.Descriptor{}}
	if c.size, err = decimal(index.Annotations[KeySize]); err != nil {
		return nil, fmt.Errorf("index: %s: %w: %w", KeySize, err, artifact.ErrInvalid)
	}
	c.attached, _ = strconv.ParseInt(index.Annotations[keyAttached], 10, 64) // absent in a copy that somebody else made
	for _, m := range index.Manifests {
		whole := m.Annotations[KeySize] == strconv.Itoa(partLeaves)
		switch m.ArtifactType {
		case TypePart:
			k, err := decimal(m.Annotations[keyPart])
			if err != nil {
				return nil, fmt.Errorf("index: %s: %w: %w", keyPart, err, artifact.ErrInvalid)
			}
			c.parts[k] = m
			if whole {
				continue
			}
		case TypeHead:
		default:
			continue // some other tool's
		}
		layers, err := layersOf(ctx, from, m)
		if err != nil {
			return nil, err
		}
		maps.Copy(c.layers, layers)
	}
	return c, nil
}

// layersOf are the layers of a manifest by title.
func layersOf(ctx context.Context, from Source, d ocispec.Descriptor) (map[string]ocispec.Descriptor, error) {
	if d.Digest.Validate() != nil {
		return nil, fmt.Errorf("index: digest %.80q: %w", d.Digest, artifact.ErrInvalid)
	}
	_, raw, err := from.Manifest(ctx, Repository, d.Digest.String())
	if err != nil {
		return nil, err
	}
	var m ocispec.Manifest
	if err := artifact.UnmarshalStrict(raw, &m); err != nil {
		return nil, fmt.Errorf("manifest %s: %w: %w", d.Digest, err, artifact.ErrInvalid)
	}
	out := make(map[string]ocispec.Descriptor, len(m.Layers))
	for _, l := range m.Layers {
		out[l.Annotations[ocispec.AnnotationTitle]] = l
	}
	return out, nil
}

// copy makes the registry hold the log as a checkpoint has it.
func (c *Carrier) copy(ctx context.Context, signed string, at Checkpoint) error {
	d, _, err := c.o.To.Manifest(ctx, Repository, Tag)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
		return err
	}
	if err != nil || d.Digest != c.last.index { // another replica was here, or it is gone
		if c.last, err = readCopy(ctx, c.o.To, c.o.Log.Verifier()); err != nil {
			return err
		}
	}
	attached := c.attached
	if c.bare >= 0 { // they are attached again, with cosignatures
		attached = min(attached, c.bare)
	}
	if c.last.size > at.N || c.last.has(signed, at) && c.last.attached >= attached {
		return nil
	}
	next := &copyOf{origin: at.Origin, size: at.N, attached: attached, parts: map[int64]ocispec.Descriptor{}, layers: map[string]ocispec.Descriptor{}}
	w := &copying{c: c, ctx: ctx, next: next}
	err = w.run(signed, at.N)
	if err != nil {
		return c.o.Log.noticed(fmt.Errorf("copy: %w", err))
	}
	c.last, c.copied = w.next, c.o.Clock.Now()
	return nil
}

// A copying is the work of one copy.
type copying struct {
	c     *Carrier
	ctx   context.Context
	next  *copyOf
	index []ocispec.Descriptor
}

func (w *copying) run(signed string, size int64) error {
	if err := w.c.o.To.PushBlob(w.ctx, Repository, ocispec.DescriptorEmptyJSON.Data); err != nil {
		return err
	}
	for k := int64(0); k*partLeaves < size; k++ {
		if err := w.part(k, size); err != nil {
			return err
		}
	}
	if err := w.head(signed, size); err != nil {
		return err
	}
	raw, err := json.Marshal(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: TypeLog, Manifests: w.index,
		Annotations: map[string]string{KeyOrigin: w.next.origin, KeySize: strconv.FormatInt(size, 10), keyAttached: strconv.FormatInt(w.next.attached, 10)},
	})
	if err != nil {
		return err
	}
	w.next.index = digest.FromBytes(raw)
	return w.c.o.To.PushManifest(w.ctx, Repository, Tag, ocispec.MediaTypeImageIndex, raw)
}

// part has the leaves of one part; a whole one never changes.
func (w *copying) part(k, size int64) error {
	leaves := min(partLeaves, size-k*partLeaves)
	if have, ok := w.c.last.parts[k]; ok && leaves == partLeaves && have.Annotations[KeySize] == strconv.Itoa(partLeaves) {
		w.next.parts[k] = have
		w.index = append(w.index, have)
		return nil
	}
	var layers []ocispec.Descriptor
	for n := k * partTiles; n*tileWidth < k*partLeaves+leaves; n++ {
		width := int(min(tileWidth, size-n*tileWidth))
		for _, t := range []tilePath{{0, n, width}, {entriesLevel, n, width}, {eventsLevel, n, width}} {
			d, err := w.tile(t)
			if err != nil {
				return err
			}
			layers = append(layers, d)
		}
	}
	d, err := w.manifest(TypePart, layers, map[string]string{KeyOrigin: w.next.origin, keyPart: strconv.FormatInt(k, 10), KeySize: strconv.FormatInt(leaves, 10)})
	w.next.parts[k] = d
	return err
}

// head has the checkpoint, and the tiles above those of parts.
func (w *copying) head(signed string, size int64) error {
	d := layerOf(typeCheckpoint, checkpointName, []byte(signed))
	if err := w.c.o.To.PushBlob(w.ctx, Repository, []byte(signed)); err != nil {
		return err
	}
	w.next.layers[checkpointName] = d
	layers := []ocispec.Descriptor{d}
	for level := 1; hashesAt(size, level) > 0; level++ {
		for n, all := int64(0), hashesAt(size, level); n*tileWidth < all; n++ {
			d, err := w.tile(tilePath{level, n, int(min(tileWidth, all-n*tileWidth))})
			if err != nil {
				return err
			}
			layers = append(layers, d)
		}
	}
	_, err := w.manifest(TypeHead, layers, map[string]string{KeyOrigin: w.next.origin})
	return err
}

// tile puts a tile, unless the copy has it.
func (w *copying) tile(t tilePath) (ocispec.Descriptor, error) {
	d, ok := w.c.last.layers[t.String()]
	if !ok {
		data, err := w.c.o.Log.tile(w.ctx, t)
		if err != nil {
			return d, err
		}
		mediaType := typeTile
		if t.level == eventsLevel {
			mediaType = typeEvents
		}
		d = layerOf(mediaType, t.String(), data)
		if err := w.c.o.To.PushBlob(w.ctx, Repository, data); err != nil {
			return d, err
		}
	}
	w.next.layers[t.String()] = d
	return d, nil
}

func (w *copying) manifest(artifactType string, layers []ocispec.Descriptor, annotations map[string]string) (ocispec.Descriptor, error) {
	raw, err := json.Marshal(ocispec.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Config: ocispec.DescriptorEmptyJSON, Layers: layers, Annotations: annotations})
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	d := ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, ArtifactType: artifactType,
		Digest: digest.FromBytes(raw), Size: int64(len(raw)), Annotations: annotations}
	w.index = append(w.index, d)
	return d, w.c.o.To.PushManifest(w.ctx, Repository, d.Digest.String(), d.MediaType, raw)
}

// A Copy is a log as a registry carries it, a mirror's as well.
type Copy struct {
	from   Source
	is     *copyOf
	loaded map[int64]bool // parts whose layers are known
}

// OpenCopy reads which copy of a log a registry has. Nothing of it is verified:
// Verify does, by Fetch. Errors wrap artifact.ErrNotFound where there is none, and
// artifact.ErrInvalid where what there is is none.
func OpenCopy(ctx context.Context, from Source) (*Copy, error) {
	is, err := parseCopy(ctx, from, Tag)
	if err != nil {
		return nil, fmt.Errorf("%s:%s: %w", Repository, Tag, err)
	}
	return &Copy{from: from, is: is, loaded: map[int64]bool{}}, nil
}

// Origin is that which the copy says it is of.
func (c *Copy) Origin() string { return c.is.origin }

// Fetch is a Fetch.
func (c *Copy) Fetch(ctx context.Context, path string) ([]byte, error) {
	d, ok := c.is.layers[path]
	if !ok && path != checkpointName {
		t, err := parseTilePath(path)
		if err != nil {
			return nil, err
		}
		if part, is := c.is.parts[t.number/partTiles]; is && t.level <= 0 && !c.loaded[t.number/partTiles] {
			layers, err := layersOf(ctx, c.from, part)
			if err != nil {
				return nil, err
			}
			c.loaded[t.number/partTiles] = true
			maps.Copy(c.is.layers, layers)
			d, ok = c.is.layers[path]
		}
	}
	if !ok || d.Digest.Validate() != nil {
		return nil, fmt.Errorf("%s:%s has no %s: %w", Repository, Tag, path, artifact.ErrUnverified)
	}
	if d.Size > maxTile {
		return nil, fmt.Errorf("%s has %d bytes, expected at most %d: %w", path, d.Size, maxTile, artifact.ErrUnverified)
	}
	return c.from.Blob(ctx, Repository, d.Digest, d.Size)
}
