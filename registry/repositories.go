package registry

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
func (g *Registry) Repositories(ctx context.Context, fn func(repository string) error) error {
	return g.walkNames(ctx, driver.MarkRoot, driver.MarkFile, fn)
}

// walkNames calls fn for every name below root whose folder holds an entry
// called leaf. Names never begin with "_", so what does is no name.
func (g *Registry) walkNames(ctx context.Context, root, leaf string, fn func(string) error) error {
	var walk func(name string) error
	walk = func(name string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		entries, err := g.driver.List(ctx, path.Join(root, name))
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
			if child := path.Join(name, base); checkRepository(child) == nil {
				if err := walk(child); err != nil {
					return err
				}
			}
		}
		return nil
	}
	return walk("")
}

// mark writes repo into the list of repositories, once per process.
func (g *Registry) mark(ctx context.Context, repo string) error {
	if _, ok := g.marked.Load(repo); ok {
		return nil
	}
	at := driver.MarkPath(repo)
	_, err := g.driver.Stat(ctx, at)
	if driver.IsNotFound(err) {
		err = g.driver.PutContent(ctx, at, []byte(repo))
	}
	if err == nil {
		g.marked.Store(repo, true)
	}
	return err
}

// known reports whether repo ever held a manifest.
func (g *Registry) known(ctx context.Context, repo string) (bool, error) {
	if _, ok := g.marked.Load(repo); ok {
		return true, nil
	}
	_, err := g.driver.Stat(ctx, driver.MarkPath(repo))
	if driver.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	g.marked.Store(repo, true)
	return true, nil
}

// adopt completes our half of the storage from distribution's half, so that a
// directory written by another distribution registry can be served.
func (g *Registry) adopt(ctx context.Context) error {
	if at, err := g.driver.GetContent(ctx, driver.LayoutPath); err == nil {
		if string(at) != layoutVersion {
			return fmt.Errorf("%s: storage layout %.20q, this binary reads %q: it was written by a newer version", driver.LayoutPath, at, layoutVersion)
		}
		return nil
	} else if !driver.IsNotFound(err) {
		return err
	}
	if g.opts.ReadOnly {
		return nil
	}
	if err := g.Reconcile(ctx); err != nil {
		return err
	}
	return g.driver.PutContent(ctx, driver.LayoutPath, []byte(layoutVersion))
}

// Reconcile walks distribution's half of the storage and writes what is
// missing in ours: the list of repositories and the referrer links. It runs
// by itself when a storage is opened for the first time.
func (g *Registry) Reconcile(ctx context.Context) error {
	return g.walkNames(ctx, driver.RepositoryRoot, "_manifests", func(repo string) error {
		if err := g.mark(ctx, repo); err != nil {
			return err
		}
		return g.revisions(ctx, repo, func(d digest.Digest) error { return g.relink(ctx, repo, d) })
	})
}

// relink writes the referrer link of one stored manifest; a damaged manifest
// is left for Fsck to name.
func (g *Registry) relink(ctx context.Context, repo string, d digest.Digest) error {
	m, err := g.loadManifest(ctx, repo, d)
	if errors.Is(err, artifact.ErrUnverified) || errors.Is(err, artifact.ErrNotFound) {
		g.log.WarnContext(ctx, "registry: manifest skipped", "repository", repo, "digest", d, "err", err)
		return nil
	}
	if err != nil {
		return err
	}
	return g.putReferrer(ctx, repo, m)
}
