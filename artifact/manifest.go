package artifact

import (
	"fmt"
	"unicode/utf8"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Manifest is an OCI image manifest or image index, read as far as Oarlock
// needs it.
type Manifest struct {
	Descriptor   ocispec.Descriptor // of the manifest itself: media type, digest, size
	ArtifactType string             // artifactType, or the config's media type where it is empty
	Config       *ocispec.Descriptor
	Layers       []ocispec.Descriptor
	Children     []ocispec.Descriptor // of an index
	Subject      *ocispec.Descriptor
	Annotations  map[string]string
}

// IsIndex reports whether m is an OCI image index.
func (m *Manifest) IsIndex() bool { return m.Descriptor.MediaType == ocispec.MediaTypeImageIndex }

// IsPlugin reports whether m says that it is a plugin version.
func (m *Manifest) IsPlugin() bool { return m.ArtifactType == TypePlugin }

// ParseManifest reads content, which was stored or sent as mediaType. An empty
// mediaType is taken from the content. Errors wrap ErrInvalid.
//
// Source: OCI image-spec 1.1, manifest.md and image-index.md.
func ParseManifest(mediaType string, content []byte) (*Manifest, error) {
	if len(content) > MaxManifest {
		return nil, fmt.Errorf("manifest: %d bytes, expected at most %d: %w", len(content), MaxManifest, ErrInvalid)
	}
	if !utf8.Valid(content) {
		return nil, fmt.Errorf("manifest: not valid UTF-8, which JSON is: %w", ErrInvalid)
	}
	var raw struct {
		SchemaVersion int                  `json:"schemaVersion"`
		MediaType     string               `json:"mediaType"`
		ArtifactType  string               `json:"artifactType"`
		Config        *ocispec.Descriptor  `json:"config"`
		Layers        []ocispec.Descriptor `json:"layers"`
		Manifests     []ocispec.Descriptor `json:"manifests"`
		Subject       *ocispec.Descriptor  `json:"subject"`
		Annotations   map[string]string    `json:"annotations"`
	}
	if err := UnmarshalStrict(content, &raw); err != nil {
		return nil, fmt.Errorf("manifest: %s: %w", decodeProblem(content, err), ErrInvalid)
	}
	if mediaType == "" {
		mediaType = raw.MediaType
	}
	if raw.MediaType != "" && raw.MediaType != mediaType {
		return nil, fmt.Errorf("manifest: its mediaType is %q, but it came as %q: %w", raw.MediaType, mediaType, ErrInvalid)
	}
	m := &Manifest{
		Descriptor:   ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(content), Size: int64(len(content))},
		ArtifactType: raw.ArtifactType, Subject: raw.Subject, Annotations: raw.Annotations,
	}
	if raw.SchemaVersion != 2 {
		return nil, fmt.Errorf("manifest: schemaVersion %d, expected 2: %w", raw.SchemaVersion, ErrInvalid)
	}
	switch mediaType {
	case ocispec.MediaTypeImageIndex:
		m.Children = raw.Manifests
	case ocispec.MediaTypeImageManifest:
		if raw.Config == nil {
			return nil, fmt.Errorf("manifest: no config, expected a descriptor (the OCI empty config will do): %w", ErrInvalid)
		}
		m.Config, m.Layers = raw.Config, raw.Layers
		if m.ArtifactType == "" {
			m.ArtifactType = raw.Config.MediaType
		}
	default:
		return nil, fmt.Errorf("manifest: media type %q, expected %q or %q: %w", mediaType,
			ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, ErrInvalid)
	}
	return m, m.checkDescriptors()
}

func (m *Manifest) checkDescriptors() error {
	check := func(place string, d ocispec.Descriptor) error {
		if err := d.Digest.Validate(); err != nil {
			return fmt.Errorf("manifest: %s: digest %.100q: %s: %w", place, d.Digest, err, ErrInvalid)
		}
		if d.Size < 0 {
			return fmt.Errorf("manifest: %s: size %d: %w", place, d.Size, ErrInvalid)
		}
		if err := CheckData(d); err != nil {
			return fmt.Errorf("manifest: %s: %w", place, err)
		}
		return nil
	}
	if m.Config != nil {
		if err := check("config", *m.Config); err != nil {
			return err
		}
	}
	if m.Subject != nil {
		if err := check("subject", *m.Subject); err != nil {
			return err
		}
	}
	for i, d := range m.Layers {
		if err := check(fmt.Sprintf("layers[%d]", i), d); err != nil {
			return err
		}
	}
	for i, d := range m.Children {
		if err := check(fmt.Sprintf("manifests[%d]", i), d); err != nil {
			return err
		}
	}
	return nil
}
