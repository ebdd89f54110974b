package registry

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

// maxSmall is the size in bytes up to which a blob is held in memory.
const maxSmall = 64 << 10

// holdSmall reads a small blob, checks it against its digest and holds it in
// memory. Whether the repository may show it is asked each time. A larger one
// is left at its beginning.
func (g *Registry) holdSmall(ctx context.Context, repo string, d, to digest.Digest, f io.ReadSeeker) (content []byte, held bool, err error) {
	if g.blobs == nil {
		return nil, false, nil
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, false, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil || size > maxSmall {
		return nil, false, err
	}
	began := g.blobs.begin()
	content, err = io.ReadAll(f)
	if err != nil {
		return nil, false, err
	}
	if got := to.Algorithm().FromBytes(content); got != to {
		return nil, false, g.found(ctx, &driver.Damage{Kind: driver.DamagedBytes, Repository: repo, Digest: d, Path: driver.BlobPath(to), What: fmt.Sprintf("the blob's bytes have digest %s", got)}, to)
	}
	g.blobs.put(to.String(), content, int64(len(content))+256, began)
	return content, true, nil
}

// openBlob opens the bytes of d for repo.
func (g *Registry) openBlob(ctx context.Context, repo string, d digest.Digest) (io.ReadSeekCloser, error) {
	to, err := g.layer(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	return g.openBytes(ctx, repo, d, to)
}

// openBytes opens what is stored as to: a file where the driver keeps files,
// so that the kernel can send it.
func (g *Registry) openBytes(ctx context.Context, repo string, d, to digest.Digest) (io.ReadSeekCloser, error) {
	if g.driver.Root() != "" {
		f, err := os.Open(filepath.Join(g.driver.Root(), driver.BlobPath(to)))
		if errors.Is(err, os.ErrNotExist) {
			return nil, g.lostBlob(ctx, repo, d, to)
		}
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	f, err := g.driver.OpenRemote(ctx, driver.BlobPath(to))
	if driver.IsNotFound(err) {
		return nil, g.lostBlob(ctx, repo, d, to)
	}
	return f, err
}

// lostBlob logs a link without bytes. It is answered as not found, so that a
// client that has the blob pushes it again and thereby mends it; of bytes that
// were set aside, a reader is told so.
func (g *Registry) lostBlob(ctx context.Context, repo string, d, to digest.Digest) error {
	damage := g.absent(ctx, repo, d, to, "the blob's bytes")
	if damage.Kind == driver.SetAside {
		return damage
	}
	g.log.ErrorContext(ctx, "registry: damaged storage", "repository", repo, "digest", d, "path", damage.Path, "what", damage.What)
	return artifact.ErrNotFound
}
