package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Publication is how far a version is that is being published.
type Publication struct {
	// Tagged is what its tag means, "" while it is not set. Whole says that
	// all that this reaches is here: only then is the version published.
	Tagged digest.Digest
	Whole  bool
	// Parts are the manifests of the version that are here: of a tagged one all
	// that it reaches, else those that say its number, in no order.
	Parts []PublicationPart
}

// A PublicationPart is one manifest of a version.
type PublicationPart struct {
	Digest   digest.Digest
	Index    bool
	Platform string // "linux/amd64", where an index says so
	Here     bool
	// Missing is what it names and the repository lacks.
	Missing []digest.Digest
}

// Publication says what the repository holds of a version: whether it is
// published, which parts are here while it is not, and which of theirs are
// missing. What a client did not send yet and no manifest names is not known
// here.
func (s *Storage) Publication(ctx context.Context, repo string, v artifact.Version) (Publication, error) {
	var p Publication
	if err := CheckRepository(repo); err != nil {
		return p, err
	}
	root, err := s.ResolveTag(ctx, repo, v.Tag())
	if err == nil {
		p.Tagged, p.Whole = root, true
		err = s.publicationPart(ctx, repo, root, "", &p, map[digest.Digest]bool{})
		return p, Describe(err, "publication of %s@%s", repo, v)
	}
	if !errors.Is(err, artifact.ErrNotFound) {
		return p, Describe(err, "publication of %s@%s", repo, v)
	}
	seen, looked := map[digest.Digest]bool{}, 0
	for _, indexes := range []bool{true, false} { // an index names the platforms of its children
		err := s.Revisions(ctx, repo, func(d digest.Digest) error {
			if looked++; looked > 2*MaxReached {
				return tooMany(repo)
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			m, err := s.ManifestContent(ctx, repo, d)
			if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
				return nil
			}
			if err != nil || seen[d] || m.IsIndex() != indexes || m.ArtifactType != artifact.TypePlugin {
				return err
			}
			if is, err := s.says(ctx, repo, m, v); err != nil || !is {
				return err
			}
			return s.publicationPart(ctx, repo, d, "", &p, seen)
		})
		if err != nil {
			return p, Describe(err, "publication of %s@%s", repo, v)
		}
	}
	p.Whole = false
	return p, nil
}

// tooMany says that repo holds more than is looked through for one answer.
func tooMany(repo string) error {
	return fmt.Errorf("%s holds more than %d manifests, which is more than is looked through for one version: %w", repo, MaxReached, artifact.ErrUnverified)
}

// says reports whether m is of version v. What is no plugin, or lacks its config,
// is of none; an error means that it could not be told.
func (s *Storage) says(ctx context.Context, repo string, m *Manifest, v artifact.Version) (bool, error) {
	if text, ok := m.Annotations[ocispec.AnnotationVersion]; ok {
		return text == v.String(), nil
	}
	c, err := artifact.ReadContent(ctx, m.Type, m.Content, func(ctx context.Context, d ocispec.Descriptor) ([]byte, error) {
		return s.Fetch(ctx, repo, d)
	})
	var damage *driver.Damage
	switch {
	case err == nil:
		return c.Plugin.Version.Compare(v) == 0, nil
	case errors.As(err, &damage), !errors.Is(err, artifact.ErrInvalid) && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified):
		return false, CouldNotTell(fmt.Sprintf("whether %s of %s is of version %s", m.Digest, repo, v), err)
	}
	return false, nil
}

// publicationPart adds the manifest d and those below it.
func (s *Storage) publicationPart(ctx context.Context, repo string, d digest.Digest, platform string, p *Publication, seen map[digest.Digest]bool) error {
	if seen[d] {
		return nil
	}
	if seen[d] = true; len(seen) > MaxReached {
		return tooMany(repo)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	part := PublicationPart{Digest: d, Platform: platform}
	m, err := s.ManifestContent(ctx, repo, d)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		p.Parts, p.Whole = append(p.Parts, part), false
		return nil
	}
	if err != nil {
		return err
	}
	part.Here, part.Index = true, m.IsIndex()
	for _, ref := range m.References() {
		if m.IsIndex() {
			continue
		}
		here, err := s.hasBlob(ctx, repo, ref.Digest)
		if err != nil {
			return err
		}
		if !here {
			part.Missing, p.Whole = append(part.Missing, ref.Digest), false
		}
	}
	p.Parts = append(p.Parts, part)
	for _, child := range m.Manifests {
		platform := ""
		if child.Platform != nil {
			platform = fmt.Sprintf("%s/%s", child.Platform.OS, child.Platform.Architecture)
		}
		if err := s.publicationPart(ctx, repo, child.Digest, platform, p, seen); err != nil {
			return err
		}
	}
	return nil
}

// hasBlob reports whether repo holds the blob d and its bytes are here.
func (s *Storage) hasBlob(ctx context.Context, repo string, d digest.Digest) (bool, error) {
	to, err := s.Layer(ctx, repo, d)
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, err = s.driver.Stat(ctx, driver.BlobPath(to))
	return err == nil, driver.MissingIsFine(err)
}
