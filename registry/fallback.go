package registry

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// mergeFallback adds what the index under the subject's referrers tag lists,
// where the listed manifest is here and its subject says the same.
func (g *Registry) mergeFallback(ctx context.Context, repo string, subject digest.Digest, found map[digest.Digest]ocispec.Descriptor) error {
	tag := artifact.DigestTag(subject, "")
	if tag == "" {
		return nil
	}
	index, err := g.resolveTag(ctx, repo, tag)
	if errors.Is(err, artifact.ErrNotFound) || err == nil && index == subject {
		return nil // cosign copy gives the subject itself this tag
	}
	var list *manifest
	if err == nil {
		list, err = g.manifestContent(ctx, repo, index)
	}
	if err != nil {
		return skipDamage(ctx, g, repo, err)
	}
	if !list.isIndex() {
		return nil
	}
	for _, d := range list.Manifests {
		if _, ok := found[d.Digest]; ok || d.Digest.Validate() != nil {
			continue
		}
		m, err := g.manifestContent(ctx, repo, d.Digest)
		if err != nil {
			if err := skipDamage(ctx, g, repo, err); err != nil {
				return err
			}
			continue
		}
		if m.Subject != nil && m.Subject.Digest == subject {
			found[m.digest] = m.descriptor()
		}
	}
	return nil
}

// skipDamage logs what is missing or damaged and gives back any other error.
func skipDamage(ctx context.Context, g *Registry, repo string, err error) error {
	if errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) {
		g.log.ErrorContext(ctx, "registry: referrer left out", "repository", repo, "err", err)
		return nil
	}
	return err
}
