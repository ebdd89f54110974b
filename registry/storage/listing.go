package storage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Link makes a manifest or blob belong to a repository.
type Link struct {
	Kind    driver.LinkKind
	Digest  digest.Digest // the name
	Target  digest.Digest // under which the bytes are stored
	Changed time.Time     // when it was last written; zero for one that was set aside
	Since   time.Time     // when it was set aside, else zero
	Run     string        // the run that set it aside
}

// IsSetAside reports whether l was set aside.
func (l Link) IsSetAside() bool { return l.Run != "" }

// Links calls fn for every link of repo, those in force before those that were
// set aside, and bad for each that cannot be read; its Digest is "" where the
// name is no digest either. A link that known has, by kind, digest and whether
// it was set aside, is not read again.
func (s *Storage) Links(ctx context.Context, repo string, known func(driver.LinkKind, digest.Digest, bool) (Link, bool), fn func(Link), bad func(driver.Damage)) error {
	for _, kind := range []driver.LinkKind{driver.ManifestLink, driver.BlobLink} {
		for _, alg := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
			dir := path.Join(driver.LinkDir(repo, kind), alg.String())
			err := s.readAll(ctx, dir, fn, bad, func(ctx context.Context, at string) (read, error) {
				if l, ok := known(kind, digest.NewDigestFromEncoded(alg, path.Base(at)), false); ok {
					return read{link: &l}, nil
				}
				return s.readInForce(ctx, repo, kind, alg, at)
			})
			if err != nil {
				return err
			}
		}
	}
	for _, kind := range []driver.LinkKind{driver.ManifestLink, driver.BlobLink} {
		dir := path.Join(driver.SetAsideRoot, repo, driver.SetAsideLeaf, string(kind)+"s")
		err := s.readAll(ctx, dir, fn, bad, func(ctx context.Context, at string) (read, error) {
			d, ok := driver.LinkName(at)
			if !ok {
				return read{}, nil // left behind by a cut write
			}
			if l, ok := known(kind, d, true); ok {
				return read{link: &l}, nil
			}
			return s.readSetAside(ctx, repo, kind, d, at)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// read is what came of reading one link: it, what is wrong with it, or nothing.
type read struct {
	link   *Link
	damage *driver.Damage
}

// readAll reads the entries of dir, which may be missing, and tells of them in
// their order.
func (s *Storage) readAll(ctx context.Context, dir string, fn func(Link), bad func(driver.Damage), one func(context.Context, string) (read, error)) error {
	var entries []string
	err := s.driver.Entries(ctx, dir, func(at string) error { entries = append(entries, at); return nil })
	if err != nil {
		return err
	}
	all := make([]read, len(entries))
	if err := s.Each(ctx, len(entries), func(ctx context.Context, i int) (err error) {
		all[i], err = one(ctx, entries[i])
		return err
	}); err != nil {
		return err
	}
	for _, r := range all {
		if r.damage != nil {
			bad(*r.damage)
		}
		if r.link != nil {
			fn(*r.link)
		}
	}
	return nil
}

// Each calls fn for the numbers below n: in order where storage is files, many
// at once where each is a request to somebody else. The first error ends it.
func (s *Storage) Each(ctx context.Context, n int, fn func(ctx context.Context, i int) error) error {
	if s.driver.Root() != "" {
		for i := range n {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := fn(ctx, i); err != nil {
				return err
			}
		}
		return nil
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range n {
		if within.Err() != nil {
			break
		}
		group.Go(func() error { return fn(within, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// readSetAside reads one link that was set aside.
func (s *Storage) readSetAside(ctx context.Context, repo string, kind driver.LinkKind, d digest.Digest, at string) (read, error) {
	told, err := s.Tombstone(ctx, at, d)
	var damage *driver.Damage
	switch {
	case errors.Is(err, artifact.ErrNotFound):
		return read{}, nil
	case errors.As(err, &damage):
		damage.Repository = repo
		return read{damage: damage}, nil
	case err != nil:
		return read{}, err
	}
	return read{link: &Link{Kind: kind, Digest: d, Target: told.Target, Since: told.Since, Run: told.Run}}, nil
}

// readInForce reads one link in force.
func (s *Storage) readInForce(ctx context.Context, repo string, kind driver.LinkKind, alg digest.Algorithm, dir string) (read, error) {
	d := digest.NewDigestFromEncoded(alg, path.Base(dir))
	if d.Validate() != nil {
		return read{damage: &driver.Damage{Repository: repo, Path: dir, What: "the path names no digest"}}, nil
	}
	at := path.Join(dir, "link")
	fi, err := s.driver.StorageDriver.Stat(ctx, at)
	var content []byte
	if err == nil {
		content, err = s.driver.StorageDriver.GetContent(ctx, at)
	}
	if driver.IsNotFound(err) || err == nil && len(content) == 0 {
		return read{}, nil
	}
	if err != nil {
		return read{}, fmt.Errorf("read %s: %w", at, err)
	}
	to, err := digest.Parse(string(content))
	if err != nil || (alg == digest.SHA256 && to != d) {
		return read{damage: &driver.Damage{Kind: driver.DamagedLink, Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("is a link with content %.80q", content)}}, nil
	}
	return read{link: &Link{Kind: kind, Digest: d, Target: to, Changed: fi.ModTime()}}, nil
}

// Tombstone reads the file of the collector about the link or bytes named d.
func (s *Storage) Tombstone(ctx context.Context, at string, d digest.Digest) (driver.Tombstone, error) {
	content, err := s.driver.StorageDriver.GetContent(ctx, at)
	if driver.IsNotFound(err) {
		return driver.Tombstone{}, artifact.ErrNotFound
	}
	if err != nil {
		return driver.Tombstone{}, fmt.Errorf("read %s: %w", at, err)
	}
	return driver.ParseTombstone(at, d, content)
}

// LinkedRepositories calls fn for every repository that holds or held a link, also
// those that no manifest was ever pushed to.
func (s *Storage) LinkedRepositories(ctx context.Context, fn func(repository string) error) error {
	places := []struct{ root, leaf string }{{driver.RepositoryRoot, "_manifests"}, {driver.RepositoryRoot, "_layers"}, {driver.SetAsideRoot, driver.SetAsideLeaf}}
	for i, place := range places {
		err := s.WalkNames(ctx, place.root, place.leaf, func(repo string) error {
			for _, before := range places[:i] {
				if _, err := s.driver.StorageDriver.Stat(ctx, path.Join(before.root, repo, before.leaf)); err == nil {
					return nil
				} else if !driver.IsNotFound(err) {
					return err
				}
			}
			return fn(repo)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// IsWhole reports whether l is the link of a manifest by its own digest.
func IsWhole(l Link) bool { return l.Kind == driver.ManifestLink && l.Digest == l.Target }
