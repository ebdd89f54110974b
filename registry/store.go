package registry

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
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
	at := driver.BlobPath(to)
	content, err := g.driver.GetContent(ctx, at)
	if driver.IsNotFound(err) {
		return nil, g.absent(ctx, repo, d, to, "the manifest's bytes")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return nil, g.found(ctx, &driver.Damage{Kind: driver.DamagedBytes, Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("the manifest's bytes have digest %s", got)}, to)
	}
	m, err := readManifest(content)
	if err != nil {
		return nil, &driver.Damage{Repository: repo, Digest: d, Path: at, What: "not a manifest: " + err.Error()}
	}
	return m, nil
}

// putManifest writes bytes and revision link, after every reference was found.
func (g *Registry) putManifest(ctx context.Context, repo string, m *manifest, as digest.Digest) error {
	if err := g.checkReferences(ctx, repo, m); err != nil {
		return err
	}
	if err := g.putBytes(ctx, m.digest, m.content); err != nil {
		return err
	}
	if err := g.putLink(ctx, driver.RevisionPath(repo, m.digest), m.digest); err != nil || as == m.digest {
		return err
	}
	return g.putLink(ctx, driver.RevisionPath(repo, as), m.digest)
}

// size is how many bytes are stored as d; false when d is not stored.
func (g *Registry) size(ctx context.Context, d digest.Digest) (size int64, stored bool, err error) {
	fi, err := g.driver.StorageDriver.Stat(ctx, driver.BlobPath(d))
	if driver.IsNotFound(err) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return fi.Size(), true, nil
}
