package registry

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// readLink reads a file that holds a digest. A missing one is ErrNotFound,
// another content a *Damage.
func (g *Registry) readLink(ctx context.Context, at string) (digest.Digest, error) {
	content, err := g.driver.GetContent(ctx, at)
	if isNotFound(err) || err == nil && len(content) == 0 {
		return "", artifact.ErrNotFound // empty: being written, or left by a power cut, and acknowledged by nobody
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", at, err)
	}
	d, err := digest.Parse(string(content))
	if err != nil {
		return "", &Damage{Path: at, What: fmt.Sprintf("is a link with content %.80q, expected a digest", content)}
	}
	return d, nil
}

// fact is readLink from memory where this process is the only writer. What is
// not there is never remembered.
func (g *Registry) fact(ctx context.Context, at string) (digest.Digest, error) {
	if d, ok := g.facts.get(at); ok {
		return d, nil
	}
	began := g.facts.begin()
	d, err := g.readLink(ctx, at)
	if err == nil {
		g.facts.put(at, d, int64(len(at)+len(d)+128), began)
	}
	return d, err
}

// putLink writes a link, and what is remembered of it is forgotten.
func (g *Registry) putLink(ctx context.Context, at string, d digest.Digest) error {
	defer g.facts.drop(at)
	return g.driver.PutContent(ctx, at, []byte(d))
}

// deleteLink removes the folder of a link, or one above it.
func (g *Registry) deleteLink(ctx context.Context, dir, at string) error {
	defer g.facts.drop(at)
	return g.driver.Delete(ctx, dir)
}

// resolveTag says which manifest tag means; ErrNotFound when none.
func (g *Registry) resolveTag(ctx context.Context, repo, tag string) (digest.Digest, error) {
	d, err := g.fact(ctx, tagPath(repo, tag))
	return d, placed(err, repo, tag, "")
}

// placed names in a damage what it happened to.
func placed(err error, repo, tag string, d digest.Digest) error {
	var damage *Damage
	if errors.As(err, &damage) {
		damage.Repository, damage.Tag = repo, tag
		if d != "" {
			damage.Digest = d
		}
	}
	return err
}

// revision is the digest under which the manifest d of repo is stored: d
// itself, or its sha256 where d is another algorithm's. ErrNotFound when the
// manifest does not belong to repo.
func (g *Registry) revision(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	to, err := g.fact(ctx, revisionPath(repo, d))
	return to, placed(err, repo, "", d)
}

// setTag makes tag mean d.
func (g *Registry) setTag(ctx context.Context, repo, tag string, d digest.Digest) error {
	return g.putLink(ctx, tagPath(repo, tag), d)
}

// removeTag forgets tag; ErrNotFound when there is none.
func (g *Registry) removeTag(ctx context.Context, repo, tag string) error {
	err := g.deleteLink(ctx, tagDir(repo, tag), tagPath(repo, tag))
	if isNotFound(err) {
		return artifact.ErrNotFound
	}
	return err
}

// tagNames lists the tags of repo in no order. A name may be there without a
// meaning, where a push or a delete was cut; resolveTag tells.
func (g *Registry) tagNames(ctx context.Context, repo string) ([]string, error) {
	entries, err := g.driver.List(ctx, tagsDir(repo))
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", tagsDir(repo), err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, path.Base(e))
	}
	return names, nil
}

// revisions calls fn for every manifest of repo under its sha256 digest.
func (g *Registry) revisions(ctx context.Context, repo string, fn func(digest.Digest) error) error {
	dir := path.Join(revisionsDir(repo), digest.SHA256.String())
	entries, err := g.driver.List(ctx, dir)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	for _, e := range entries {
		d := digest.NewDigestFromEncoded(digest.SHA256, path.Base(e))
		if d.Validate() != nil {
			continue
		}
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

// layer is the digest under which the blob d of repo is stored; ErrNotFound
// when the blob does not belong to repo.
func (g *Registry) layer(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	to, err := g.fact(ctx, layerPath(repo, d))
	return to, placed(err, repo, "", d)
}
