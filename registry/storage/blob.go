package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// MaxSmall is the size in bytes up to which a blob is held in memory.
const MaxSmall = 64 << 10

// HoldSmall reads a small blob, checks it against its digest and holds it in
// memory. Whether the repository may show it is asked each time. A larger one
// is left at its beginning.
func (s *Storage) HoldSmall(ctx context.Context, repo string, d, to digest.Digest, f io.ReadSeeker) (content []byte, held bool, err error) {
	if s.blobs == nil {
		return nil, false, nil
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil || size > MaxSmall {
		return nil, false, err
	}
	began := s.blobs.begin()
	content, err = io.ReadAll(f)
	if err != nil {
		return nil, false, err
	}
	if got := to.Algorithm().FromBytes(content); got != to {
		return nil, false, s.DamageFound(ctx, &driver.Damage{Kind: driver.DamagedBytes, Repository: repo, Digest: d, Path: driver.BlobPath(to), What: fmt.Sprintf("the blob's bytes have digest %s", got)}, to)
	}
	s.blobs.put(to.String(), content, int64(len(content))+256, began)
	return content, true, nil
}

// openBlob opens the bytes of d for repo.
func (s *Storage) openBlob(ctx context.Context, repo string, d digest.Digest) (io.ReadSeekCloser, error) {
	to, err := s.Layer(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	return s.OpenBytes(ctx, repo, d, to)
}

// OpenBytes opens what is stored as to: a file where the driver keeps files,
// so that the kernel can send it.
func (s *Storage) OpenBytes(ctx context.Context, repo string, d, to digest.Digest) (io.ReadSeekCloser, error) {
	if s.driver.Root() != "" {
		f, err := os.Open(filepath.Join(s.driver.Root(), driver.BlobPath(to)))
		if errors.Is(err, os.ErrNotExist) {
			return nil, s.LostBlob(ctx, repo, d, to)
		}
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	f, err := s.driver.OpenRemote(ctx, driver.BlobPath(to))
	if driver.IsNotFound(err) {
		return nil, s.LostBlob(ctx, repo, d, to)
	}
	return f, err
}

// LostBlob logs a link without bytes. It is answered as not found, so that a
// client that has the blob pushes it again and thereby mends it; of bytes that
// are in quarantine, a reader is told so.
func (s *Storage) LostBlob(ctx context.Context, repo string, d, to digest.Digest) error {
	damage := s.AbsentBytes(ctx, repo, d, to, "the blob's bytes")
	if damage.Kind == driver.Quarantined {
		return damage
	}
	s.log.ErrorContext(ctx, "registry: damaged storage", "repository", repo, "digest", d, "path", damage.Path, "what", damage.What)
	return artifact.ErrNotFound
}

// SmallBlob gives the bytes of to where they are held in memory. They must not
// be changed.
func (s *Storage) SmallBlob(to digest.Digest) ([]byte, bool) { return s.blobs.get(to.String()) }
