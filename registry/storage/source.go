package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Tags calls fn for every tag of repo with the manifest it means, in the order
// of tags/list. A tag that cannot be read does not stop the others: it comes
// in the error that is returned after the last, as a *Damage. The first error
// of fn ends it.
func (s *Storage) Tags(ctx context.Context, repo string, fn func(tag string, d digest.Digest) error) error {
	if err := CheckRepository(repo); err != nil {
		return err
	}
	names, err := s.TagNames(ctx, repo)
	if err != nil {
		return err
	}
	slices.SortFunc(names, CompareTags)
	var bad []error
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		d, err := s.ResolveTag(ctx, repo, name)
		switch {
		case errors.Is(err, artifact.ErrNotFound):
			continue
		case err != nil:
			bad = append(bad, err)
			continue
		}
		if err := fn(name, d); err != nil {
			return err
		}
	}
	return errors.Join(bad...)
}

// Resolve says which manifest tag means. Errors wrap artifact.ErrNotFound, or
// artifact.ErrUnverified for a damaged tag.
func (s *Storage) Resolve(ctx context.Context, repo, tag string) (digest.Digest, error) {
	if err := CheckRepository(repo); err != nil {
		return "", err
	}
	if !IsTag(tag) {
		return "", fmt.Errorf("tag %.140q: %w", tag, artifact.ErrInvalid)
	}
	d, err := s.ResolveTag(ctx, repo, tag)
	return d, Describe(err, "tag %s:%s", repo, tag)
}

// Manifest gives the bytes of the manifest d of repo, checked against d, and
// their media type. Errors wrap artifact.ErrNotFound, or artifact.ErrUnverified
// where the stored bytes are damaged. The bytes must not be changed.
func (s *Storage) Manifest(ctx context.Context, repo string, d digest.Digest) (mediaType string, content []byte, err error) {
	if err := CheckRepository(repo); err != nil {
		return "", nil, err
	}
	if _, err := ParseDigest(d.String()); err != nil {
		return "", nil, err
	}
	m, err := s.ManifestContent(ctx, repo, d)
	if err != nil {
		return "", nil, Describe(err, "manifest %s@%s", repo, d)
	}
	return m.Type, m.Content, nil
}

// Blob gives the bytes of the blob d of repo, checked against d. A blob of
// more than limit bytes is artifact.ErrInvalid; other errors are as those of
// Manifest.
func (s *Storage) Blob(ctx context.Context, repo string, d digest.Digest, limit int64) ([]byte, error) {
	if err := CheckRepository(repo); err != nil {
		return nil, err
	}
	if _, err := ParseDigest(d.String()); err != nil {
		return nil, err
	}
	f, err := s.openBlob(ctx, repo, d)
	if err != nil {
		return nil, Describe(err, "blob %s@%s", repo, d)
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("blob %s@%s: %w", repo, d, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("blob %s@%s: more than %d bytes: %w", repo, d, limit, artifact.ErrInvalid)
	}
	if got := d.Algorithm().FromBytes(content); got != d {
		to, err := s.Layer(ctx, repo, d)
		if err != nil {
			return nil, Describe(err, "blob %s@%s", repo, d)
		}
		return nil, s.DamageFound(ctx, &driver.Damage{Kind: driver.DamagedBytes, Repository: repo, Digest: d, Path: driver.BlobPath(to), What: fmt.Sprintf("the blob's bytes have digest %s", got)}, to)
	}
	return content, nil
}

var _ interface {
	Repositories(context.Context, func(string) error) error
	Tags(context.Context, string, func(string, digest.Digest) error) error
	Revisions(context.Context, string, func(digest.Digest) error) error
	Manifest(context.Context, string, digest.Digest) (string, []byte, error)
	Blob(context.Context, string, digest.Digest, int64) ([]byte, error)
	Referrers(context.Context, string, digest.Digest) ([]ocispec.Descriptor, error)
} = (*Storage)(nil)
