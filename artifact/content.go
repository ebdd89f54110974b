package artifact

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Content is one plugin version as the registry holds it: what its manifest or
// image index, its config and its annotations say together.
type Content struct {
	Plugin   *Plugin
	Manifest *Manifest
	// Builds has one entry per platform, in the order of the index; a plugin
	// of a single manifest has one per platform that it names, or a single one
	// with the zero Platform, which fits all.
	Builds []Build
	// Images are the image manifests whose layers are pulled: Manifest itself,
	// or the children of the index in its order.
	Images []*Manifest
	// Size is the sum of all manifests, configs and layers in bytes.
	Size int64
}

// A Build is what one platform pulls.
type Build struct {
	Platform Platform
	Digest   digest.Digest
}

// A Fetch gives the bytes behind a descriptor. ReadContent checks size and
// digest itself.
type Fetch func(ctx context.Context, d ocispec.Descriptor) ([]byte, error)

// ReadContent reads the plugin version whose manifest or image index is root,
// given its bytes. What it needs beyond them (config, children) it fetches.
// A version that breaks the rules gives an error that wraps ErrInvalid, mostly
// a *ProblemsError; any other error is the fetch's own: could not tell.
func ReadContent(ctx context.Context, mediaType string, root []byte, fetch Fetch) (*Content, error) {
	m, err := ParseManifest(mediaType, root)
	if err != nil {
		return nil, err
	}
	if !m.IsPlugin() {
		return nil, fmt.Errorf("artifactType %q, expected %q: %w", m.ArtifactType, TypePlugin, ErrInvalid)
	}
	if m.IsIndex() {
		return readIndex(ctx, m, fetch)
	}
	return readSingle(ctx, m, fetch)
}

func readSingle(ctx context.Context, m *Manifest, fetch Fetch) (*Content, error) {
	p, err := readPlugin(ctx, m, fetch)
	if err != nil {
		return nil, err
	}
	c := &Content{Plugin: p, Manifest: m, Images: []*Manifest{m}, Size: m.Descriptor.Size + m.Config.Size}
	for _, l := range m.Layers {
		c.Size += l.Size
	}
	for _, platform := range p.Platforms {
		c.Builds = append(c.Builds, Build{platform, m.Descriptor.Digest})
	}
	if len(c.Builds) == 0 {
		c.Builds = []Build{{Digest: m.Descriptor.Digest}}
	}
	return c, nil
}

// readPlugin joins config and annotations of one image manifest.
func readPlugin(ctx context.Context, m *Manifest, fetch Fetch) (*Plugin, error) {
	said, problems := readAnnotations(m.Annotations)
	switch m.Config.MediaType {
	case TypeConfig:
	default:
		// Annotations alone must be enough, whatever the config is.
		problems = append(problems, said.missing(KeyID, ocispec.AnnotationVersion)...)
		return said, asError(problems)
	}
	raw, err := fetchVerified(ctx, fetch, *m.Config, MaxConfig)
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	p, err := ParsePlugin(raw)
	if err != nil {
		var several *ProblemsError
		if !errors.As(err, &several) {
			return nil, err
		}
		for _, one := range several.Problems {
			one.Place = "config " + one.Place
			problems = append(problems, one)
		}
		return nil, &ProblemsError{problems}
	}
	problems = append(problems, Disagreements(p, m.Annotations)...)
	if err := asError(problems); err != nil {
		return nil, err
	}
	p.merge(said)
	return p, nil
}

// MaxBuilds is the largest number of platforms of one version.
const MaxBuilds = 64

func readIndex(ctx context.Context, m *Manifest, fetch Fetch) (*Content, error) {
	if len(m.Children) == 0 || len(m.Children) > MaxBuilds {
		return nil, fmt.Errorf("image index: %d manifests, expected 1 to %d: %w", len(m.Children), MaxBuilds, ErrInvalid)
	}
	said, problems := readAnnotations(m.Annotations)
	c := &Content{Manifest: m, Size: m.Descriptor.Size}
	seen := map[Platform]bool{}
	for i, d := range m.Children {
		place := fmt.Sprintf("manifests[%d]", i)
		platform, err := PlatformOf(d.Platform)
		switch {
		case err != nil:
			problems = append(problems, Problem{Place: place, Detail: reason(err)})
		case platform.IsZero():
			problems = append(problems, Problem{Place: place, Detail: "no platform, expected os and architecture"})
		case seen[platform]:
			problems = append(problems, Problem{Place: place, Detail: fmt.Sprintf("platform %s is there twice", platform)})
		}
		seen[platform] = true
		child, err := readChild(ctx, d, fetch)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				return nil, fmt.Errorf("%s: %w", place, err)
			}
			problems = append(problems, Problem{Place: place, Detail: reason(err)})
			continue
		}
		problems = append(problems, childProblems(place, m, c.Plugin, child, said)...)
		if c.Plugin == nil {
			c.Plugin = child.Plugin
		}
		c.Size += child.Size
		c.Images = append(c.Images, child.Images...)
		c.Builds = append(c.Builds, Build{platform, d.Digest})
	}
	if err := asError(problems); err != nil {
		return nil, err
	}
	c.Plugin.merge(said)
	c.Plugin.Platforms = nil
	for _, b := range c.Builds {
		c.Plugin.Platforms = append(c.Plugin.Platforms, b.Platform)
	}
	return c, nil
}

func readChild(ctx context.Context, d ocispec.Descriptor, fetch Fetch) (*Content, error) {
	if d.MediaType != ocispec.MediaTypeImageManifest {
		return nil, fmt.Errorf("media type %q, expected %q: %w", d.MediaType, ocispec.MediaTypeImageManifest, ErrInvalid)
	}
	raw, err := fetchVerified(ctx, fetch, d, MaxManifest)
	if err != nil {
		return nil, err
	}
	return ReadContent(ctx, d.MediaType, raw, fetch)
}

// childProblems says where a child is not the same plugin version as its
// index and its elder siblings.
func childProblems(place string, m *Manifest, first *Plugin, child *Content, said *Plugin) []Problem {
	var out []Problem
	p := child.Plugin
	switch {
	case first == nil:
	case first.ID != p.ID || first.Version.String() != p.Version.String():
		out = append(out, Problem{Place: place, Detail: fmt.Sprintf("is %s@%s, the first manifest is %s@%s", p.ID, p.Version, first.ID, first.Version)})
	default:
		out = append(out, siblingProblems(place, first, p, said)...)
	}
	for _, one := range Disagreements(p, m.Annotations) {
		one.Place = place + " " + one.Place
		out = append(out, one)
	}
	return out
}

// fetchVerified fetches d and denies bytes that are not what d says.
func fetchVerified(ctx context.Context, fetch Fetch, d ocispec.Descriptor, most int64) ([]byte, error) {
	if d.Size > most {
		return nil, fmt.Errorf("%s has %d bytes, expected at most %d: %w", d.Digest, d.Size, most, ErrInvalid)
	}
	if err := d.Digest.Validate(); err != nil {
		return nil, fmt.Errorf("digest %.100q: %s: %w", d.Digest, err, ErrInvalid)
	}
	raw, err := fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) != d.Size {
		return nil, fmt.Errorf("%s: %d bytes came, its descriptor says %d: %w", d.Digest, len(raw), d.Size, ErrUnverified)
	}
	if got := d.Digest.Algorithm().FromBytes(raw); got != d.Digest {
		return nil, fmt.Errorf("%s: the bytes have digest %s: %w", d.Digest, got, ErrUnverified)
	}
	return raw, nil
}
