package registry

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// readLink reads a file that holds a digest. A missing one is ErrNotFound,
// another content a *Damage.
func (g *Registry) readLink(ctx context.Context, at string) (digest.Digest, error) {
	content, err := g.driver.GetContent(ctx, at)
	if driver.IsNotFound(err) || err == nil && len(content) == 0 {
		return "", artifact.ErrNotFound // empty: being written, or left by a power cut, and acknowledged by nobody
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", at, err)
	}
	return parseLink(at, string(content))
}

func parseLink(at, content string) (digest.Digest, error) {
	d, err := digest.Parse(content)
	if err != nil {
		return "", &driver.Damage{Path: at, What: fmt.Sprintf("is a link with content %.80q, expected a digest", content)}
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
	d, err := g.fact(ctx, driver.TagPath(repo, tag))
	return d, placed(err, repo, tag, "")
}

// placed names in a damage what it happened to.
func placed(err error, repo, tag string, d digest.Digest) error {
	var damage *driver.Damage
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
	to, err := g.fact(ctx, driver.RevisionPath(repo, d))
	return to, placed(err, repo, "", d)
}

// heldTag is resolveTag, and what its file held, for setTag.
func (g *Registry) heldTag(ctx context.Context, repo, tag string) (digest.Digest, driver.Held, error) {
	if !g.driver.Fenced() {
		d, err := g.resolveTag(ctx, repo, tag)
		return d, driver.Held{}, err
	}
	at := driver.TagPath(repo, tag)
	was, err := g.driver.ReadHeld(ctx, at)
	if err != nil {
		return "", was, fmt.Errorf("read %s: %w", at, err)
	}
	if was.Content == "" {
		return "", was, artifact.ErrNotFound // as in readLink
	}
	d, err := parseLink(at, was.Content)
	return d, was, placed(err, repo, tag, "")
}

// setTag makes tag mean d, where it still means what it did when was was read.
// That somebody else made it mean the same is a success; anything else is a
// *movedTag.
func (g *Registry) setTag(ctx context.Context, repo, tag string, d digest.Digest, was driver.Held) error {
	at := driver.TagPath(repo, tag)
	defer g.facts.drop(at)
	err := g.driver.ReplaceHeld(ctx, at, []byte(d), was)
	if !errors.Is(err, driver.ErrMoved) {
		return err
	}
	have, _, err := g.heldTag(ctx, repo, tag)
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return couldNotTell(fmt.Sprintf("what tag %q of %s holds", tag, repo), err)
	}
	if have == d {
		return nil
	}
	return &movedTag{Tag: tag, Have: have}
}

// A movedTag says that somebody else changed a tag since it was read: it means
// Have now, or nothing. It wraps artifact.ErrConflict.
type movedTag struct {
	Tag  string
	Have digest.Digest
}

func (m *movedTag) Error() string {
	if m.Have == "" {
		return fmt.Sprintf("tag %q was removed by somebody else meanwhile", m.Tag)
	}
	return fmt.Sprintf("tag %q was changed by somebody else meanwhile: it holds %s", m.Tag, m.Have)
}

// Unwrap makes errors.Is(err, artifact.ErrConflict) hold.
func (m *movedTag) Unwrap() error { return artifact.ErrConflict }

// removeTag forgets tag; ErrNotFound when there is none.
func (g *Registry) removeTag(ctx context.Context, repo, tag string) error {
	err := g.deleteLink(ctx, driver.TagDir(repo, tag), driver.TagPath(repo, tag))
	if driver.IsNotFound(err) {
		return artifact.ErrNotFound
	}
	return err
}

// tagNames lists the tags of repo in no order. A name may be there without a
// meaning, where a push or a delete was cut; resolveTag tells.
func (g *Registry) tagNames(ctx context.Context, repo string) ([]string, error) {
	entries, err := g.driver.List(ctx, driver.TagsDir(repo))
	if driver.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", driver.TagsDir(repo), err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, path.Base(e))
	}
	return names, nil
}

// revisions calls fn for every manifest of repo under its sha256 digest.
func (g *Registry) revisions(ctx context.Context, repo string, fn func(digest.Digest) error) error {
	dir := path.Join(driver.RevisionsDir(repo), digest.SHA256.String())
	entries, err := g.driver.List(ctx, dir)
	if driver.IsNotFound(err) {
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
	to, err := g.fact(ctx, driver.LayerPath(repo, d))
	return to, placed(err, repo, "", d)
}

// forgetRevision removes the revision link of d and those of other algorithms
// that lead to it. The bytes are left to garbage collection.
func (g *Registry) forgetRevision(ctx context.Context, repo string, d digest.Digest) error {
	dir := path.Join(driver.RevisionsDir(repo), digest.SHA512.String())
	entries, err := g.driver.List(ctx, dir)
	if err != nil && !driver.IsNotFound(err) {
		return err
	}
	for _, e := range entries {
		alias := digest.NewDigestFromEncoded(digest.SHA512, path.Base(e))
		to, err := g.readLink(ctx, path.Join(e, "link"))
		if err != nil || to != d {
			continue
		}
		if err := g.deleteLink(ctx, e, path.Join(e, "link")); err != nil && !driver.IsNotFound(err) {
			return err
		}
		g.manifests.drop(repo + "@" + alias.String())
	}
	err = g.deleteLink(ctx, path.Dir(driver.RevisionPath(repo, d)), driver.RevisionPath(repo, d))
	g.manifests.drop(repo + "@" + d.String())
	if driver.IsNotFound(err) {
		return nil
	}
	return err
}
