package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/distribution/distribution/v3"
	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

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
		return nil, g.absent(ctx, repo, d, to, "the manifest's bytes")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return nil, g.found(ctx, &Damage{Kind: DamagedBytes, Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("the manifest's bytes have digest %s", got)}, to)
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
	g.arrived(ctx, m.digest)
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
