package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// layoutVersion is written when our half of the storage was completed from
// distribution's half.
const layoutVersion = "1"

// Repositories calls fn for every repository that ever held a manifest, in
// the order of their names. It reads a list that is kept beside distribution's
// tree, one small file per repository. The first error of fn ends it.
func (s *Storage) Repositories(ctx context.Context, fn func(repository string) error) error {
	return s.WalkNames(ctx, driver.MarkRoot, driver.MarkFile, fn)
}

// WalkNames calls fn for every name below root whose folder holds an entry
// called leaf. Names never begin with "_", so what does is no name.
func (s *Storage) WalkNames(ctx context.Context, root, leaf string, fn func(string) error) error {
	var walk func(name string) error
	walk = func(name string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := s.driver.List(ctx, path.Join(root, name))
		if driver.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("list %s: %w", path.Join(root, name), err)
		}
		slices.Sort(entries)
		for _, e := range entries {
			if path.Base(e) == leaf {
				if err := fn(name); err != nil {
					return err
				}
			}
		}
		for _, e := range entries {
			base := path.Base(e)
			if strings.HasPrefix(base, "_") {
				continue
			}
			if child := path.Join(name, base); CheckRepository(child) == nil {
				if err := walk(child); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk("")
}

// Mark writes repo into the list of repositories, once per process.
func (s *Storage) Mark(ctx context.Context, repo string) error {
	if _, ok := s.marked.Load(repo); ok {
		return nil
	}
	at := driver.MarkPath(repo)
	_, err := s.driver.Stat(ctx, at)
	if driver.IsNotFound(err) {
		err = s.driver.PutContent(ctx, at, []byte(repo))
	}
	if err == nil {
		s.marked.Store(repo, true)
	}
	return err
}

// Known reports whether repo ever held a manifest.
func (s *Storage) Known(ctx context.Context, repo string) (bool, error) {
	if _, ok := s.marked.Load(repo); ok {
		return true, nil
	}
	_, err := s.driver.Stat(ctx, driver.MarkPath(repo))
	if driver.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.marked.Store(repo, true)
	return true, nil
}

// adopt completes our half of the storage from distribution's half, so that a
// directory written by another distribution registry can be served.
func (s *Storage) adopt(ctx context.Context) error {
	if at, err := s.driver.GetContent(ctx, driver.LayoutPath); err == nil {
		if string(at) != layoutVersion {
			return fmt.Errorf("%s: storage layout %.20q, this binary reads %q: it was written by a newer version", driver.LayoutPath, at, layoutVersion)
		}
		return nil
	} else if !driver.IsNotFound(err) {
		return err
	}
	if s.opts.ReadOnly {
		return nil
	}
	if err := s.Reconcile(ctx); err != nil {
		return err
	}
	return s.driver.PutContent(ctx, driver.LayoutPath, []byte(layoutVersion))
}

// Reconcile walks distribution's half of the storage and writes what is
// missing in ours: the list of repositories and the referrer links. It runs
// by itself when a storage is opened for the first time.
func (s *Storage) Reconcile(ctx context.Context) error {
	return s.WalkNames(ctx, driver.RepositoryRoot, "_manifests", func(repo string) error {
		if err := s.Mark(ctx, repo); err != nil {
			return err
		}
		return s.Revisions(ctx, repo, func(d digest.Digest) error { return s.Relink(ctx, repo, d) })
	})
}

// Relink writes the referrer link of one stored manifest; a damaged manifest
// is left for Fsck to name.
func (s *Storage) Relink(ctx context.Context, repo string, d digest.Digest) error {
	m, err := s.LoadManifest(ctx, repo, d)
	if errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrNotFound) {
		s.log.WarnContext(ctx, "registry: manifest skipped", "repository", repo, "digest", d, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	return s.PutReferrer(ctx, repo, m)
}
