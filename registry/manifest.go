package registry

import (
	"encoding/json"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// The types of Docker, which free namespaces take too.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// manifest is a manifest or index as its bytes say.
type manifest struct {
	content []byte
	digest  digest.Digest // sha256, under which it is stored
	kind    string        // its media type, also where it does not say one

	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	ArtifactType  string               `json:"artifactType"`
	Config        *ocispec.Descriptor  `json:"config"`
	Layers        []ocispec.Descriptor `json:"layers"`
	Manifests     []ocispec.Descriptor `json:"manifests"`
	Subject       *ocispec.Descriptor  `json:"subject"`
	Annotations   map[string]string    `json:"annotations"`
}

// readManifest reads stored bytes without judging them.
func readManifest(content []byte) (*manifest, error) {
	m := &manifest{content: content, digest: digest.FromBytes(content)}
	if err := json.Unmarshal(content, m); err != nil {
		return nil, err
	}
	m.kind = m.MediaType
	if m.kind == "" {
		m.kind = ocispec.MediaTypeImageManifest
		if m.Config == nil && m.Manifests != nil {
			m.kind = ocispec.MediaTypeImageIndex
		}
	}
	return m, nil
}

func (m *manifest) isIndex() bool {
	return m.kind == ocispec.MediaTypeImageIndex || m.kind == dockerList
}

// references are the blobs and children without which m is not whole.
func (m *manifest) references() []ocispec.Descriptor {
	if m.isIndex() {
		return m.Manifests
	}
	if m.Config == nil {
		return m.Layers
	}
	return append([]ocispec.Descriptor{*m.Config}, m.Layers...)
}

// descriptor describes m as the referrers API does: with artifactType, which
// is the config's media type where a manifest has none, and annotations.
func (m *manifest) descriptor() ocispec.Descriptor {
	d := ocispec.Descriptor{
		MediaType:    m.kind,
		Digest:       m.digest,
		Size:         int64(len(m.content)),
		ArtifactType: m.ArtifactType,
		Annotations:  m.Annotations,
	}
	if d.ArtifactType == "" && m.Config != nil && !m.isIndex() {
		d.ArtifactType = m.Config.MediaType
	}
	return d
}
