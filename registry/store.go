package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// readLink reads a file that holds a digest. A missing one is ErrNotFound,
// another content a *Damage.
func (g *Registry) readLink(ctx context.Context, at string) (digest.Digest, error) {
	content, err := g.driver.GetContent(ctx, at)
	if isNotFound(err) {
		return "", artifact.ErrNotFound
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

// manifestContent reads the manifest d of repo and checks its bytes against d.
func (g *Registry) manifestContent(ctx context.Context, repo string, d digest.Digest) (*manifest, error) {
	key := repo + "@" + d.String()
	if m, ok := g.manifests.get(key); ok {
		if g.opts.Replicated {
			if _, err := g.revision(ctx, repo, d); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	began := g.manifests.begin()
	m, err := g.loadManifest(ctx, repo, d)
	if err == nil {
		g.manifests.put(key, m, int64(len(m.content))*2+512, began)
	}
	return m, err
}

func (g *Registry) loadManifest(ctx context.Context, repo string, d digest.Digest) (*manifest, error) {
	to, err := g.revision(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	at := blobPath(to)
	content, err := g.driver.GetContent(ctx, at)
	if isNotFound(err) {
		return nil, &Damage{Repository: repo, Digest: d, Path: at, What: "the manifest's bytes are missing"}
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return nil, &Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("the manifest's bytes have digest %s", got)}
	}
	m, err := readManifest(content)
	if err != nil {
		return nil, &Damage{Repository: repo, Digest: d, Path: at, What: "not a manifest: " + err.Error()}
	}
	return m, nil
}

// putManifest writes bytes and revision link, after every reference was found.
func (g *Registry) putManifest(ctx context.Context, repo string, m *manifest, parsed distribution.Manifest, as digest.Digest) error {
	named, err := reference.WithName(repo)
	if err != nil {
		return refuse(http.StatusBadRequest, nameInvalid, "repository %q: %s", repo, err)
	}
	if err := g.healManifest(ctx, repo, m); err != nil {
		return err
	}
	r, err := g.namespace.Repository(ctx, named)
	if err != nil {
		return err
	}
	manifests, err := r.Manifests(ctx)
	if err != nil {
		return err
	}
	if _, err := manifests.Put(ctx, parsed); err != nil {
		return putError(err)
	}
	if as != m.digest {
		return g.putLink(ctx, revisionPath(repo, as), m.digest)
	}
	return nil
}

// healManifest replaces damaged bytes of m, which distribution would keep
// because something is there already.
func (g *Registry) healManifest(ctx context.Context, repo string, m *manifest) error {
	at := blobPath(m.digest)
	fi, err := g.driver.Stat(ctx, at)
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", at, err)
	}
	if fi.Size() == int64(len(m.content)) {
		content, err := g.driver.GetContent(ctx, at)
		if err != nil {
			return fmt.Errorf("read %s: %w", at, err)
		}
		if digest.FromBytes(content) == m.digest {
			return nil
		}
	}
	g.log.WarnContext(ctx, "registry: damaged manifest replaced by a push", "repository", repo, "digest", m.digest, "path", at)
	return g.driver.PutContent(ctx, at, m.content)
}

// maxMissing is how many missing references one refusal names.
const maxMissing = 64

// putError tells which references are missing.
func putError(err error) error {
	var several distribution.ErrManifestVerification
	if !errors.As(err, &several) {
		return err
	}
	r := &refusal{status: http.StatusNotFound, kind: artifact.ErrInvalid}
	seen := map[digest.Digest]bool{}
	for _, one := range several {
		var missing distribution.ErrManifestBlobUnknown
		if !errors.As(one, &missing) {
			if isFull(one) {
				return one
			}
			continue
		}
		if seen[missing.Digest] || len(seen) >= maxMissing {
			continue
		}
		seen[missing.Digest] = true
		r.errors = append(r.errors, ociError{
			Code:    manifestBlobUnknown,
			Message: fmt.Sprintf("%s is referenced but not in this repository: push or mount it first", missing.Digest),
			Detail:  map[string]string{"digest": missing.Digest.String()},
		})
	}
	if len(r.errors) == 0 {
		return err
	}
	return r
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
