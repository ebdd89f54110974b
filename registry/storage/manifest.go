package storage

import (
	"encoding/json"

	"context"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// The types of Docker, which free namespaces take too.
const (
	DockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	DockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Manifest is a manifest or index as its bytes say.
type Manifest struct {
	Content []byte        `json:"-"`
	Digest  digest.Digest `json:"-"` // sha256, under which it is stored
	Type    string        `json:"-"` // its media type, also where it does not say one

	SchemaVersion int                  `json:"schemaVersion"`
	MediaType     string               `json:"mediaType"`
	ArtifactType  string               `json:"artifactType"`
	Config        *ocispec.Descriptor  `json:"config"`
	Layers        []ocispec.Descriptor `json:"layers"`
	Manifests     []ocispec.Descriptor `json:"manifests"`
	Subject       *ocispec.Descriptor  `json:"subject"`
	Annotations   map[string]string    `json:"annotations"`
}

// ReadManifest reads stored bytes without judging them.
func ReadManifest(content []byte) (*Manifest, error) {
	m := &Manifest{Content: content, Digest: digest.FromBytes(content)}
	if err := json.Unmarshal(content, m); err != nil {
		return nil, err
	}
	m.Type = m.MediaType
	if m.Type == "" {
		m.Type = ocispec.MediaTypeImageManifest
		if m.Config == nil && m.Manifests != nil {
			m.Type = ocispec.MediaTypeImageIndex
		}
	}
	return m, nil
}

// IsIndex reports whether m names other manifests: an OCI index or a Docker list.
func (m *Manifest) IsIndex() bool {
	return m.Type == ocispec.MediaTypeImageIndex || m.Type == DockerList
}

// References are the blobs and children without which m is not whole.
func (m *Manifest) References() []ocispec.Descriptor {
	if m.IsIndex() {
		return m.Manifests
	}
	if m.Config == nil {
		return m.Layers
	}
	return append([]ocispec.Descriptor{*m.Config}, m.Layers...)
}

// Descriptor describes m as the referrers API does: with artifactType, which
// is the config's media type where a manifest has none, and annotations.
func (m *Manifest) Descriptor() ocispec.Descriptor {
	d := ocispec.Descriptor{
		MediaType:    m.Type,
		Digest:       m.Digest,
		Size:         int64(len(m.Content)),
		ArtifactType: m.ArtifactType,
		Annotations:  m.Annotations,
	}
	if d.ArtifactType == "" && m.Config != nil && !m.IsIndex() {
		d.ArtifactType = m.Config.MediaType
	}
	return d
}

// ReadPast reads the manifest that repo stores as d, checked against d, kept in no
// cache and bringing nothing back. A *Damage means that what it holds is not
// known.
func (s *Storage) ReadPast(ctx context.Context, repo string, d digest.Digest) (*Manifest, error) {
	at := driver.BlobPath(d)
	bad := func(format string, args ...any) (*Manifest, error) {
		return nil, &driver.Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf(format, args...)}
	}
	content, err := s.driver.StorageDriver.GetContent(ctx, at)
	switch {
	case driver.IsNotFound(err):
		return bad("the manifest's bytes are missing")
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return bad("the manifest's bytes have digest %s", got)
	}
	m, err := ReadManifest(content)
	if err != nil {
		return bad("not a manifest: %s", err)
	}
	switch m.Type {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, DockerManifest, DockerList:
		if m.SchemaVersion == 2 {
			return m, nil
		}
	}
	return bad("a manifest of schema version %d and type %.100q: what it holds is not known", m.SchemaVersion, m.Type)
}
