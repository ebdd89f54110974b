package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Dump is what a backup reads of a registry, beside whoever serves, writes
// and collects it. Reading through it changes nothing: what a collector set
// aside stays there. Errors that wrap artifact.ErrNotFound say that something
// is gone, which a delete or a collection may have done just now.
type Dump struct{ store *storage.Storage }

// NewDump reads s.
func NewDump(s *storage.Storage) Dump { return Dump{s} }

// Repositories calls fn for every repository that ever held a manifest or
// holds a link; some may come twice.
func (d Dump) Repositories(ctx context.Context, fn func(repository string) error) error {
	if err := d.store.Repositories(ctx, fn); err != nil {
		return err
	}
	return d.store.LinkedRepositories(ctx, fn)
}

// Marked reports whether repo is in the list of those that ever held a manifest.
func (d Dump) Marked(ctx context.Context, repo string) (bool, error) {
	_, err := d.raw().Stat(ctx, driver.MarkPath(repo))
	if driver.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// Tags calls fn for every tag of repo, and bad for each that cannot be read.
func (d Dump) Tags(ctx context.Context, repo string, fn func(tag string, to digest.Digest), bad func(driver.Damage)) error {
	names, err := d.store.TagNames(ctx, repo)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		to, err := d.store.ReadLink(ctx, driver.TagPath(repo, name))
		var damage *driver.Damage
		switch err = storage.Placed(err, repo, name, ""); {
		case errors.Is(err, artifact.ErrNotFound): // a name without a meaning
		case errors.As(err, &damage):
			bad(*damage)
		case err != nil:
			return err
		default:
			fn(name, to)
		}
	}
	return nil
}

// Links calls fn for every link of repo, those that a collector set aside too,
// and bad for each that cannot be read. One that is set aside or put back
// meanwhile is not missed.
func (d Dump) Links(ctx context.Context, repo string, fn func(storage.Link), bad func(driver.Damage)) error {
	type name struct {
		kind   driver.LinkKind
		digest digest.Digest
	}
	seen := map[name]storage.Link{}
	known := func(kind driver.LinkKind, d digest.Digest, _ bool) (storage.Link, bool) {
		l, ok := seen[name{kind, d}]
		return l, ok
	}
	worse := map[string]driver.Damage{}
	for range 2 { // what moved behind the first pass is where the second one looks
		err := d.store.Links(ctx, repo, known, func(l storage.Link) {
			seen[name{l.Kind, l.Digest}] = l
		}, func(b driver.Damage) {
			b.Repository = repo
			worse[b.Path] = b
		})
		if err != nil {
			return err
		}
	}
	for _, l := range seen {
		fn(l)
	}
	for _, b := range worse {
		bad(b)
	}
	return nil
}

// Open reads the stored bytes of to; nothing of them was checked yet.
func (d Dump) Open(ctx context.Context, to digest.Digest) (io.ReadCloser, error) {
	var missing storagedriver.PathNotFoundError
	for _, at := range []string{driver.BlobPath(to), driver.RemovedPath(to), driver.BlobPath(to)} {
		r, err := d.raw().Reader(ctx, at, 0)
		if err == nil {
			return r, nil
		}
		if !errors.As(err, &missing) {
			return nil, fmt.Errorf("read %s: %w", at, err)
		}
	}
	return nil, fmt.Errorf("%s: %w", path.Join(driver.BlobRoot, to.Algorithm().String(), to.Encoded()), artifact.ErrNotFound)
}

// References gives the digests that a stored manifest holds, children of an
// index apart from blobs. A manifest of a form that this registry cannot read
// wraps artifact.ErrInvalid.
func References(content []byte) (children, blobs []digest.Digest, err error) {
	m, err := storage.ReadManifest(content)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", err, artifact.ErrInvalid)
	}
	for _, ref := range m.References() {
		switch {
		case m.IsIndex():
			children = append(children, ref.Digest)
		case len(ref.URLs) == 0:
			blobs = append(blobs, ref.Digest)
		}
	}
	return children, blobs, nil
}

func (d Dump) raw() storagedriver.StorageDriver { return d.store.Driver().StorageDriver }
