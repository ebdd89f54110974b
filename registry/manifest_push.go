package registry

import (
	"errors"
	"fmt"
	"mime"
	"unicode/utf8"

	"github.com/distribution/distribution/v3"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// parseManifest reads what was pushed as contentType and names what is wrong.
func parseManifest(contentType string, content []byte) (*storage.Manifest, error) {
	if !utf8.Valid(content) {
		return nil, storage.InvalidManifest(errors.New("not valid UTF-8, which JSON is"))
	}
	m, err := storage.ReadManifest(content)
	if err != nil {
		return nil, storage.InvalidManifest(fmt.Errorf("not JSON of a manifest: %w", err))
	}
	if err := artifact.CheckStrict(content, m); err != nil { // a digest stands for one content, whoever reads it
		return nil, storage.InvalidManifest(err)
	}
	if err := artifact.CheckCharacters(content); err != nil {
		return nil, storage.InvalidManifest(err)
	}
	if contentType != "" {
		given, _, err := mime.ParseMediaType(contentType)
		if err != nil {
			return nil, storage.InvalidManifest(fmt.Errorf("Content-Type %.100q: %w", contentType, err))
		}
		if m.MediaType != "" && m.MediaType != given {
			return nil, storage.InvalidManifest(fmt.Errorf("its mediaType is %.100q, but it came with Content-Type %.100q", m.MediaType, given))
		}
		m.Type = given
	}
	switch m.Type {
	case ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex, storage.DockerManifest, storage.DockerList:
	default:
		return nil, storage.InvalidManifest(fmt.Errorf("media type %.100q, expected %q or %q", m.Type, ocispec.MediaTypeImageManifest, ocispec.MediaTypeImageIndex))
	}
	if m.SchemaVersion != 2 {
		return nil, storage.InvalidManifest(fmt.Errorf("schemaVersion is %d, expected 2", m.SchemaVersion))
	}
	if err := checkDescriptors(m); err != nil {
		return nil, storage.InvalidManifest(err)
	}
	_, _, err = distribution.UnmarshalManifest(m.Type, content)
	if err != nil {
		return nil, storage.InvalidManifest(err)
	}
	return m, nil
}

func checkDescriptors(m *storage.Manifest) error {
	const enough = 16 // problems to name
	var problems []error
	check := func(place string, d ocispec.Descriptor) {
		if len(problems) >= enough {
			return
		}
		if _, err := storage.ParseDigest(d.Digest.String()); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", place, err))
		}
		if d.Size < 0 {
			problems = append(problems, fmt.Errorf("%s: size %d is negative", place, d.Size))
		}
		if err := artifact.CheckData(d); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", place, err))
		}
	}
	if m.IsIndex() {
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
