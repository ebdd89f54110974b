package storage

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// ManifestContent reads the manifest d of repo and checks its bytes against d.
func (s *Storage) ManifestContent(ctx context.Context, repo string, d digest.Digest) (*Manifest, error) {
	key := repo + "@" + d.String()
	if m, ok := s.manifests.get(key); ok {
		if s.opts.Replicated {
			if _, err := s.Revision(ctx, repo, d); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	began := s.manifests.begin()
	m, err := s.LoadManifest(ctx, repo, d)
	if err == nil {
		s.manifests.put(key, m, int64(len(m.Content))*2+512, began)
	}
	return m, err
}

// LoadManifest reads a manifest of repo from the driver, past the memory of
// those that were read before. Errors wrap artifact.ErrNotFound.
func (s *Storage) LoadManifest(ctx context.Context, repo string, d digest.Digest) (*Manifest, error) {
	to, err := s.Revision(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	at := driver.BlobPath(to)
	content, err := s.driver.GetContent(ctx, at)
	if driver.IsNotFound(err) {
		return nil, s.AbsentBytes(ctx, repo, d, to, "the manifest's bytes")
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", at, err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return nil, s.DamageFound(ctx, &driver.Damage{Kind: driver.DamagedBytes, Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("the manifest's bytes have digest %s", got)}, to)
	}
	m, err := ReadManifest(content)
	if err != nil {
		return nil, &driver.Damage{Repository: repo, Digest: d, Path: at, What: "not a manifest: " + err.Error()}
	}
	return m, nil
}

// PutManifest writes bytes and revision link, after every reference was found.
func (s *Storage) PutManifest(ctx context.Context, repo string, m *Manifest, as digest.Digest) error {
	if err := s.CheckReferences(ctx, repo, m); err != nil {
		return err
	}
	if err := s.putBytes(ctx, m.Digest, m.Content); err != nil {
		return err
	}
	if err := s.PutLink(ctx, driver.RevisionPath(repo, m.Digest), m.Digest); err != nil || as == m.Digest {
		return err
	}
	return s.PutLink(ctx, driver.RevisionPath(repo, as), m.Digest)
}

// Size is how many bytes are stored as d; false when d is not stored.
func (s *Storage) Size(ctx context.Context, d digest.Digest) (size int64, stored bool, err error) {
	fi, err := s.driver.StorageDriver.Stat(ctx, driver.BlobPath(d))
	if driver.IsNotFound(err) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	return fi.Size(), true, nil
}
