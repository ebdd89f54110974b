package storage

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// mergeFallback adds what the index under the subject's referrers tag lists,
// where the listed manifest is here and its subject says the same.
func (s *Storage) mergeFallback(ctx context.Context, repo string, subject digest.Digest, found map[digest.Digest]ocispec.Descriptor) error {
	tag := artifact.DigestTag(subject, "")
	if tag == "" {
		return nil
	}
	index, err := s.ResolveTag(ctx, repo, tag)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && index == subject {
		return nil // cosign copy gives the subject itself this tag
	}
	var list *Manifest
	if err == nil {
		list, err = s.ManifestContent(ctx, repo, index)
	}
	if err != nil {
		return skipDamage(ctx, s, repo, err)
	}
	if !list.IsIndex() {
		return nil
	}
	for _, d := range list.Manifests {
		if _, ok := found[d.Digest]; ok || d.Digest.Validate() != nil {
			continue
		}
		m, err := s.ManifestContent(ctx, repo, d.Digest)
		if err != nil {
			if err := skipDamage(ctx, s, repo, err); err != nil {
				return err
			}
			continue
		}
		if m.Subject != nil && m.Subject.Digest == subject {
			found[m.Digest] = m.Descriptor()
		}
	}
	return nil
}

// skipDamage logs what is missing or damaged and gives back any other error.
func skipDamage(ctx context.Context, s *Storage, repo string, err error) error {
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		s.log.ErrorContext(ctx, "registry: referrer left out", "repository", repo, "err", err)
		return nil
	}
	return err
}
