package storage

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Usage is what a namespace holds.
type Usage struct {
	Bytes    int64    // of all manifests and blobs that its repositories hold, each once
	Uploads  int64    // of unfinished uploads
	Versions []string // "<repository>:<version tag>"
}

// Usage counts what the repositories of a namespace hold by reading their
// links: with or without a manifest, and what several of them share once.
func (s *Storage) Usage(ctx context.Context, namespace string) (Usage, error) {
	if CheckRepository(namespace) != nil || strings.Contains(namespace, "/") {
		return Usage{}, fmt.Errorf("usage of %q: %w", namespace, artifact.ErrInvalid)
	}
	c := &census{in: s, held: map[digest.Digest]bool{}}
	// Uploads first: one that ends meanwhile is then seen twice rather than never.
	for _, kind := range []struct {
		leaf  string
		count func(context.Context, string) error
	}{{"_uploads", c.uploads}, {"_layers", c.layers}, {"_manifests", c.manifests}} {
		err := s.WalkNames(ctx, path.Join(driver.RepositoryRoot, namespace), kind.leaf, func(rest string) error {
			return kind.count(ctx, path.Join(namespace, rest))
		})
		if err != nil {
			return c.Usage, fmt.Errorf("usage of %q: %w", namespace, err)
		}
	}
	return c.Usage, nil
}

// census counts one namespace.
type census struct {
	Usage
	in   *Storage
	held map[digest.Digest]bool
}

func (c *census) layers(ctx context.Context, repo string) error {
	return c.links(ctx, driver.LinkDir(repo, driver.BlobLink))
}

func (c *census) manifests(ctx context.Context, repo string) error {
	names, err := c.in.TagNames(ctx, repo)
	if err != nil {
		return err
	}
	for _, name := range names {
		if t, err := artifact.ParseTag(name); err == nil && t.Kind() == artifact.TagVersion {
			c.Versions = append(c.Versions, repo+":"+name)
		}
	}
	return c.links(ctx, driver.LinkDir(repo, driver.ManifestLink))
}

// links adds the bytes that the links below dir lead to. Those by sha512 lead
// where one by sha256 does.
func (c *census) links(ctx context.Context, dir string) error {
	return c.in.driver.Entries(ctx, path.Join(dir, digest.SHA256.String()), func(at string) error {
		d := digest.NewDigestFromEncoded(digest.SHA256, path.Base(at))
		if d.Validate() != nil || c.held[d] {
			return nil
		}
		c.held[d] = true
		size, _, err := c.in.Size(ctx, d)
		c.Bytes += size
		return err
	})
}

func (c *census) uploads(ctx context.Context, repo string) error {
	return c.in.driver.Entries(ctx, path.Join(driver.RepositoryRoot, repo, "_uploads"), func(at string) error {
		fi, err := c.in.driver.StorageDriver.Stat(ctx, path.Join(at, "data"))
		if err != nil {
			return driver.MissingIsFine(err)
		}
		c.Uploads += fi.Size()
		return nil
	})
}
