package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// tagsReaching lists the tags of repo that mean the manifest d, and with deep
// those that reach it through an index too. A tag or index that cannot be
// read is an error: what it reaches is not known.
func (g *Registry) tagsReaching(ctx context.Context, repo string, d digest.Digest, deep bool) ([]string, error) {
	names, err := g.tagNames(ctx, repo)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, compareTags)
	var tags []string
	for _, name := range names {
		to, err := g.resolveTag(ctx, repo, name)
		if errors.Is(err, artifact.ErrNotFound) || (!deep && errors.Is(err, artifact.ErrUnverified)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found := to == d
		if !found && deep {
			if found, err = g.reaches(ctx, repo, to, d, map[digest.Digest]bool{}); err != nil {
				return nil, err
			}
		}
		if found {
			tags = append(tags, name)
		}
	}
	return tags, nil
}

// reaches reports whether from is or holds d, through indexes at any depth.
func (g *Registry) reaches(ctx context.Context, repo string, from, d digest.Digest, seen map[digest.Digest]bool) (bool, error) {
	if from == d {
		return true, nil
	}
	if seen[from] {
		return false, nil
	}
	seen[from] = true
	m, err := g.manifestContent(ctx, repo, from)
	if errors.Is(err, artifact.ErrNotFound) {
		return false, nil
	}
	if err != nil || !m.isIndex() {
		return false, err
	}
	for _, child := range m.Manifests {
		to, err := g.revision(ctx, repo, child.Digest)
		if errors.Is(err, artifact.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if found, err := g.reaches(ctx, repo, to, d, seen); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// manifestHolding names a manifest of repo that references the blob d, or "".
func (g *Registry) manifestHolding(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	var holder digest.Digest
	stop := errors.New("found")
	err := g.revisions(ctx, repo, func(at digest.Digest) error {
		m, err := g.loadManifest(ctx, repo, at)
		if errors.Is(err, artifact.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ref := range m.references() {
			to, err := g.layer(ctx, repo, ref.Digest)
			if ref.Digest == d || err == nil && to == d {
				holder = at
				return stop
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		return "", err
	}
	return holder, nil
}
