package storage

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// TagsMeaning lists the tags of repo that mean the manifest d.
func (s *Storage) TagsMeaning(ctx context.Context, repo string, d digest.Digest) ([]string, error) {
	names, err := s.TagNames(ctx, repo)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(names, CompareTags)
	var tags []string
	for _, name := range names {
		to, err := s.ResolveTag(ctx, repo, name)
		switch {
		case err == nil && to == d:
			tags = append(tags, name)
		case err != nil && !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified):
			return nil, err
		}
	}
	return tags, nil
}

// eachReached calls fn for the manifest m of repo and for what it reaches
// through indexes, each once, however many paths lead there. What is missing
// or damaged is passed by. An error of fn ends the walk, as do the end of ctx
// and more than MaxReached manifests.
func (s *Storage) eachReached(ctx context.Context, repo string, m *Manifest, fn func(*Manifest) error) error {
	seen := map[digest.Digest]bool{m.Digest: true}
	for todo := []digest.Digest{m.Digest}; len(todo) > 0; todo = todo[1:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := m
		if todo[0] != m.Digest {
			var err error
			if at, err = s.ManifestContent(ctx, repo, todo[0]); err != nil {
				if !errors.Is(err, artifact.ErrNotFound) && !errors.Is(err, artifact.ErrUnverified) {
					return err
				}
				continue
			}
		}
		if err := fn(at); err != nil {
			return err
		}
		if !at.IsIndex() {
			continue
		}
		for _, child := range at.Manifests {
			if seen[child.Digest] || child.Digest.Validate() != nil {
				continue
			}
			if seen[child.Digest] = true; len(seen) > MaxReached {
				return fmt.Errorf("%s reaches more than %d manifests: %w", m.Digest, MaxReached, artifact.ErrUnverified)
			}
			todo = append(todo, child.Digest)
		}
	}
	return nil
}

// ManifestHolding names a manifest of repo that references the blob d, or "". An
// error means that it could not be told: what a manifest references, or to what
// a reference leads.
func (s *Storage) ManifestHolding(ctx context.Context, repo string, d digest.Digest) (digest.Digest, error) {
	var holder digest.Digest
	stop := errors.New("found")
	err := s.Revisions(ctx, repo, func(at digest.Digest) error {
		m, err := s.LoadManifest(ctx, repo, at)
		if errors.Is(err, artifact.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, ref := range m.References() {
			to, err := s.Layer(ctx, repo, ref.Digest)
			if ref.Digest == d || err == nil && to == d {
				holder = at
				return stop
			}
			if err != nil && !errors.Is(err, artifact.ErrNotFound) && ref.Digest.Algorithm() != d.Algorithm() {
				return err // damaged, it may be another name of d
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, stop) {
		return "", err
	}
	return holder, nil
}

// MaxReached bounds what one walk looks at, such as what one blocked manifest
// takes along.
const MaxReached = 100_000

// ManifestBytes reads d as a manifest; nil for a blob, and for what is not here.
func (s *Storage) ManifestBytes(ctx context.Context, d digest.Digest) (*Manifest, error) {
	fi, err := s.driver.Stat(ctx, driver.BlobPath(d))
	if driver.IsNotFound(err) || err == nil && fi.Size() > artifact.MaxManifest {
		return nil, nil
	}
	var content []byte
	if err == nil {
		content, err = s.driver.GetContent(ctx, driver.BlobPath(d))
	}
	if err != nil {
		return nil, driver.MissingIsFine(err)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		return nil, &driver.Damage{Digest: d, Path: driver.BlobPath(d), What: fmt.Sprintf("the bytes have digest %s", got)}
	}
	m, err := ReadManifest(content)
	if err != nil || m.SchemaVersion != 2 {
		return nil, nil
	}
	return m, nil
}
