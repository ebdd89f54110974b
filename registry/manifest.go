package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/distribution/distribution/v3"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// The types of Docker, which free namespaces take too.
const (
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// manifest is a manifest or index as its bytes say.
type manifest struct {
	content   []byte
	digest    digest.Digest // sha256, under which it is stored
	mediaType string

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
	m.mediaType = m.MediaType
	if m.mediaType == "" {
		m.mediaType = ocispec.MediaTypeImageManifest
		if m.Config == nil && m.Manifests != nil {
			m.mediaType = ocispec.MediaTypeImageIndex
		}
	}
	return m, nil
}

// parseManifest reads what was pushed as contentType and names what is wrong.
func parseManifest(contentType string, content []byte) (*manifest, error) {
	if !utf8.Valid(content) {
		return nil, invalidManifest(errors.New("not valid UTF-8, which JSON is"))
	}
	m, err := readManifest(content)
	if err != nil {
		return nil, invalidManifest(fmt.Errorf("not JSON of a manifest: %w", err))
	}
	if err := artifact.CheckStrict(content, m); err != nil { // a digest stands for one content, whoever reads it
		return nil, invalidManifest(err)
	}
	if contentType != "" {
		given, _, err := mime.ParseMediaType(contentType)
		if err != nil {
			return nil, invalidManifest(fmt.Errorf("Content-Type %.100q: %w", contentType, err))
		}
		if m.MediaType != "" && m.MediaType != given {
			return nil, invalidManifest(fmt.Errorf("its mediaType is %.100q, but it came with Content-Type %.100q", m.MediaType, given))
		}
		m.mediaType = given
	}
	switch m.mediaType {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, dockerManifest, dockerList:
	default:
		return nil, invalidManifest(fmt.Errorf("media type %.100q, expected %q or %q", m.mediaType, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex))
	}
	if m.SchemaVersion != 2 {
		return nil, invalidManifest(fmt.Errorf("schemaVersion is %d, expected 2", m.SchemaVersion))
	}
	if err := m.checkDescriptors(); err != nil {
		return nil, invalidManifest(err)
	}
	_, _, err = distribution.UnmarshalManifest(m.mediaType, content)
	if err != nil {
		return nil, invalidManifest(err)
	}
	return m, nil
}

func invalidManifest(err error) error {
	return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "manifest: %s", err)
}

func (m *manifest) checkDescriptors() error {
	const enough = 16 // problems to name
	var problems []error
	check := func(place string, d ocispec.Descriptor) {
		if len(problems) >= enough {
			return
		}
		if _, err := parseDigest(d.Digest.String()); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", place, err))
		}
		if d.Size < 0 {
			problems = append(problems, fmt.Errorf("%s: size %d is negative", place, d.Size))
		}
		if err := artifact.CheckData(d); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", place, err))
		}
	}
	if m.isIndex() {
		for i, d := range m.Manifests {
			check(fmt.Sprintf("manifests[%d]", i), d)
		}
	} else {
		if m.Config == nil {
			return errors.New("config is missing; the OCI empty config will do")
		}
		check("config", *m.Config)
		for i, d := range m.Layers {
			check(fmt.Sprintf("layers[%d]", i), d)
		}
	}
	if m.Subject != nil {
		check("subject", *m.Subject)
	}
	return errors.Join(problems...)
}

func (m *manifest) isIndex() bool {
	return m.mediaType == ocispec.MediaTypeImageIndex || m.mediaType == dockerList
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
		MediaType:    m.mediaType,
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
