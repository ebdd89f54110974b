package signed

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// Where the catalog is kept.
const (
	// Repository is the catalog's, after whatever a mirror puts before it.
	Repository = artifact.ReservedPublisher + "/catalog"
	// Tag is its only tag.
	Tag = "latest"
)

// The types of the artifact and its layers. Other tools rely on them.
const (
	TypeCatalog  = "application/vnd.oarlock.catalog.v1"
	TypeMetadata = "application/vnd.tuf.metadata+json"
	TypeContents = "application/vnd.oarlock.catalog.contents.v1+json"
	TypeShard    = "application/vnd.oarlock.catalog.shard.v1+zstd"
)

// The annotations of the manifest, next to org.opencontainers.image.created.
// They are for people and tools: what counts is what is signed.
const (
	KeyGeneration = "dev.oarlock.catalog.generation"
	KeyDigest     = "dev.oarlock.catalog.digest"
	KeyExpires    = "dev.oarlock.catalog.expires"
)

// The names of layers.
const (
	rootSuffix    = ".root.json"
	timestampName = "timestamp.json"
	snapshotName  = "snapshot.json"
	targetsName   = "targets.json"
	targetsFolder = "targets/"
	contentsName  = "contents.json"
)

// Limits of what is read before its signed length is known, and of what that
// may be.
const (
	maxRoot      = 512 << 10
	maxRoots     = 1024
	maxTimestamp = 16 << 10
	maxSnapshot  = 64 << 10
	maxTargets   = 4 << 20
	maxContents  = 64 << 10
	maxShard     = 64 << 20 // bytes of a shard, packed and unpacked
)

func rootName(version int64) string { return strconv.FormatInt(version, 10) + rootSuffix }

// A listing is what a manifest names: layers by title.
type listing struct {
	manifest ocispec.Descriptor
	files    map[string]ocispec.Descriptor
	roots    int64 // the highest version
}

// parseListing reads a manifest, which may be foreign. Errors wrap
// artifact.ErrInvalid.
func parseListing(raw []byte) (*listing, error) {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("catalog manifest: %s: %w", fmt.Sprintf(format, args...), artifact.ErrInvalid)
	}
	if len(raw) > artifact.MaxManifest {
		return nil, invalid("%d bytes, expected at most %d", len(raw), artifact.MaxManifest)
	}
	var m ocispec.Manifest
	if err := artifact.UnmarshalStrict(raw, &m); err != nil {
		return nil, invalid("%s", err)
	}
	if m.ArtifactType != TypeCatalog {
		return nil, invalid("artifactType %.80q, expected %q", m.ArtifactType, TypeCatalog)
	}
	l := &listing{files: make(map[string]ocispec.Descriptor, len(m.Layers))}
	for i, d := range m.Layers {
		title := d.Annotations[ocispec.AnnotationTitle]
		if err := d.Digest.Validate(); err != nil || d.Size < 0 {
			return nil, invalid("layers[%d]: digest %.80q of %d bytes", i, d.Digest, d.Size)
		}
		if title == "" {
			continue // some other tool's
		}
		if _, twice := l.files[title]; twice {
			return nil, invalid("layers[%d]: %.80q is there twice", i, title)
		}
		l.files[title] = d
		if text, is := strings.CutSuffix(title, rootSuffix); is {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil || n < 1 || n > maxRoots || rootName(n) != title {
				return nil, invalid("layers[%d]: %.80q, expected a root such as %q and at most %d", i, title, rootName(1), maxRoots)
			}
			l.roots = max(l.roots, n)
		}
	}
	return l, nil
}

// layer is the descriptor of a layer that holds content.
func layer(mediaType, title string, content []byte) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: mediaType, Digest: digestOf(content), Size: int64(len(content)),
		Annotations: map[string]string{ocispec.AnnotationTitle: title}}
}

// manifestOf writes the manifest of layers.
func manifestOf(layers []ocispec.Descriptor, annotations map[string]string) ([]byte, error) {
	return json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest, ArtifactType: TypeCatalog,
		Config: ocispec.DescriptorEmptyJSON, Layers: layers, Annotations: annotations,
	})
}
