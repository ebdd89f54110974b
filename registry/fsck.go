package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

// Fsck reads everything that is stored, hashes it again and reports what is
// damaged or missing, each by repository, digest and path. The registry may
// serve meanwhile. The error is for a walk that could not go on; a storage
// without damage reports nothing and returns nil.
func (g *Registry) Fsck(ctx context.Context, report func(Damage)) error {
	f := &fsck{g: g, report: report, blobs: map[digest.Digest]string{}}
	if err := f.walkBlobs(ctx); err != nil {
		return err
	}
	if err := g.walkNames(ctx, repositoryRoot, "_layers", func(repo string) error { return f.layers(ctx, repo) }); err != nil {
		return err
	}
	err := g.walkNames(ctx, repositoryRoot, "_manifests", func(repo string) error { return f.repository(ctx, repo) })
	if err != nil {
		return err
	}
	if err := g.walkNames(ctx, referrerRoot, "_subject", func(repo string) error { return f.links(ctx, repo) }); err != nil {
		return err
	}
	for d, what := range f.blobs {
		if !f.named[d] {
			report(Damage{Digest: d, Path: blobPath(d), What: what + "; no repository holds it"})
		}
	}
	return nil
}

// fsck is one run: blobs holds what is wrong with which blob, named those
// that were reported with their repository.
type fsck struct {
	g      *Registry
	report func(Damage)
	blobs  map[digest.Digest]string
	named  map[digest.Digest]bool
}

// walkBlobs hashes every blob once, whoever holds it.
func (f *fsck) walkBlobs(ctx context.Context) error {
	err := f.g.driver.Walk(ctx, blobRoot, func(fi storagedriver.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if fi.IsDir() || path.Base(fi.Path()) != "data" {
			return nil
		}
		dir := path.Dir(fi.Path())
		d := digest.NewDigestFromEncoded(digest.Algorithm(path.Base(path.Dir(path.Dir(dir)))), path.Base(dir))
		if d.Validate() != nil {
			f.report(Damage{Path: fi.Path(), What: "the path names no digest"})
			return nil
		}
		if what := f.hash(ctx, d, fi.Path()); what != "" {
			f.blobs[d] = what
		}
		return nil
	})
	f.named = map[digest.Digest]bool{}
	if isNotFound(err) {
		return nil
	}
	return err
}

func (f *fsck) hash(ctx context.Context, d digest.Digest, at string) (what string) {
	r, err := f.g.driver.Reader(ctx, at, 0)
	if isNotFound(err) {
		return ""
	}
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	defer r.Close()
	h := d.Algorithm().Digester()
	n, err := io.Copy(h.Hash(), r)
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	if got := h.Digest(); got != d {
		return fmt.Sprintf("its %d bytes have digest %s", n, got)
	}
	return ""
}

// layers checks every blob link of repo.
func (f *fsck) layers(ctx context.Context, repo string) error {
	return f.eachLink(ctx, repo, path.Join(repositoryRoot, repo, "_layers"), func(d, to digest.Digest, _ string) {
		f.content(ctx, repo, d, to)
	})
}

// eachLink calls fn for every <alg>/<hex>/link below dir and reports those
// that hold no digest.
func (f *fsck) eachLink(ctx context.Context, repo, dir string, fn func(d, to digest.Digest, at string)) error {
	for _, alg := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		entries, err := f.g.driver.List(ctx, path.Join(dir, alg.String()))
		if err != nil && !isNotFound(err) {
			return err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			at := path.Join(e, "link")
			d := digest.NewDigestFromEncoded(alg, path.Base(e))
			if d.Validate() != nil {
				f.report(Damage{Repository: repo, Path: e, What: "the path names no digest"})
				continue
			}
			to, err := f.g.readLink(ctx, at)
			switch {
			case errors.Is(err, artifact.ErrNotFound): // deleted just now
			case err != nil:
				f.damage(repo, d, at, err)
			case alg == digest.SHA256 && to != d:
				f.report(Damage{Repository: repo, Digest: d, Path: at, What: fmt.Sprintf("the link leads to %s", to)})
			default:
				fn(d, to, at)
			}
		}
	}
	return nil
}

// content reports the blob behind a link if it is missing or was found damaged.
func (f *fsck) content(ctx context.Context, repo string, d, to digest.Digest) bool {
	at := blobPath(to)
	if what, bad := f.blobs[to]; bad {
		f.named[to] = true
		f.report(Damage{Repository: repo, Digest: d, Path: at, What: what})
		return false
	}
	if _, err := f.g.driver.Stat(ctx, at); isNotFound(err) {
		f.report(Damage{Repository: repo, Digest: d, Path: at, What: "the bytes are missing"})
		return false
	} else if err != nil {
		f.damage(repo, d, at, err)
		return false
	}
	return true
}

func (f *fsck) damage(repo string, d digest.Digest, at string, err error) {
	var known *Damage
	if errors.As(err, &known) {
		f.report(Damage{Repository: repo, Digest: d, Path: known.Path, What: known.What})
		return
	}
	f.report(Damage{Repository: repo, Digest: d, Path: at, What: "cannot be read: " + err.Error()})
}
