package integrity

import (
	"context"
	"errors"
	"fmt"
	"path"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Fsck reads everything that is stored, hashes it again and reports what is
// damaged or missing, each by repository, digest and path. The registry may
// serve meanwhile. The error is for a walk that could not go on; a storage
// without damage reports nothing and returns nil.
func (k *Checker) Fsck(ctx context.Context, report func(driver.Damage)) error {
	return k.fsck(ctx, &fsck{g: k, report: report, blobs: map[digest.Digest]string{}})
}

func (k *Checker) fsck(ctx context.Context, f *fsck) error {
	if err := f.walkBlobs(ctx); err != nil {
		return err
	}
	if err := k.store.WalkNames(ctx, driver.RepositoryRoot, "_layers", func(repo string) error { return f.layers(ctx, repo) }); err != nil {
		return err
	}
	err := k.store.WalkNames(ctx, driver.RepositoryRoot, "_manifests", func(repo string) error { return f.repository(ctx, repo) })
	if err == nil {
		err = f.lists(ctx)
	}
	if err != nil {
		return err
	}
	if err := k.store.WalkNames(ctx, driver.ReferrerRoot, "_subject", func(repo string) error { return f.links(ctx, repo) }); err != nil {
		return err
	}
	for d, what := range f.blobs {
		if !f.named[d] {
			f.damaged(ctx, driver.Damage{Kind: driver.DamagedBytes, Digest: d, Path: driver.BlobPath(d), What: what + "; no repository holds it", Target: d})
		}
	}
	return nil
}

// fsck is one run: blobs holds what is wrong with which blob, named those
// that were reported with their repository. mend, if any, tries to make a
// damage good and says how in it.
type fsck struct {
	g      *Checker
	report func(driver.Damage)
	mend   func(context.Context, *driver.Damage) bool
	blobs  map[digest.Digest]string
	named  map[digest.Digest]bool
	// unlisted hold manifests and were in no list when they were looked at.
	unlisted []string
}

// damaged reports d, and whether it is whole again.
func (f *fsck) damaged(ctx context.Context, d driver.Damage) (mended bool) {
	mended = f.mend != nil && ctx.Err() == nil && f.mend(ctx, &d)
	f.report(d)
	return mended
}

// walkBlobs hashes every blob once, whoever holds it.
func (f *fsck) walkBlobs(ctx context.Context) error {
	err := f.g.driver.Walk(ctx, driver.BlobRoot, func(fi storagedriver.FileInfo) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if fi.IsDir() || path.Base(fi.Path()) != "data" {
			return nil
		}
		dir := path.Dir(fi.Path())
		d := digest.NewDigestFromEncoded(digest.Algorithm(path.Base(path.Dir(path.Dir(dir)))), path.Base(dir))
		if d.Validate() != nil {
			f.damaged(ctx, driver.Damage{Path: fi.Path(), What: "the path names no digest"})
			return nil
		}
		if what := f.g.wrong(ctx, d, nil); what != "" {
			f.blobs[d] = what
		}
		return ctx.Err()
	})
	f.named = map[digest.Digest]bool{}
	if driver.IsNotFound(err) {
		return nil
	}
	return err
}

// wrong reads the bytes of d and says what is wrong with them, "" for nothing
// and for none.
func (k *Checker) wrong(ctx context.Context, d digest.Digest, pace func(context.Context, int) error) (what string) {
	found, err := k.store.Sum(ctx, d, pace)
	switch {
	case driver.IsNotFound(err), err == nil && found.Good(d):
		return ""
	case err != nil:
		return "cannot be read: " + err.Error()
	}
	return found.What()
}

// layers checks every blob link of repo.
func (f *fsck) layers(ctx context.Context, repo string) error {
	return f.eachLink(ctx, repo, path.Join(driver.RepositoryRoot, repo, "_layers"), driver.BlobLink, func(d, to digest.Digest, _ string) {
		f.content(ctx, repo, driver.BlobLink, d, to)
	})
}

// eachLink calls fn for every <alg>/<hex>/link below dir and reports those
// that hold no digest.
func (f *fsck) eachLink(ctx context.Context, repo, dir string, kind driver.LinkKind, fn func(d, to digest.Digest, at string)) error {
	for _, alg := range []digest.Algorithm{digest.SHA256, digest.SHA512} {
		entries, err := f.g.driver.List(ctx, path.Join(dir, alg.String()))
		if err != nil && !driver.IsNotFound(err) {
			return err
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				return err
			}
			at := path.Join(e, "link")
			d := digest.NewDigestFromEncoded(alg, path.Base(e))
			if d.Validate() != nil {
				f.damaged(ctx, driver.Damage{Kind: driver.DamagedLink, Repository: repo, Path: e, What: "the path names no digest"})
				continue
			}
			to, err := f.g.store.ReadLink(ctx, at)
			var known *driver.Damage
			switch {
			case errors.Is(err, artifact.ErrNotFound): // deleted just now
				continue
			case errors.As(err, &known):
				err = f.linkIs(ctx, repo, kind, d, at, known.What)
			case err != nil:
				err = f.linkIs(ctx, repo, kind, d, at, "cannot be read: "+err.Error())
			case alg == digest.SHA256 && to != d:
				err = f.linkIs(ctx, repo, kind, d, at, fmt.Sprintf("the link leads to %s", to))
			default:
				fn(d, to, at)
				continue
			}
			if err == nil {
				fn(d, d, at)
			}
		}
	}
	return nil
}

// linkIs reports a link of repo that says nothing; nil when it was written anew.
func (f *fsck) linkIs(ctx context.Context, repo string, kind driver.LinkKind, d digest.Digest, at, what string) error {
	if f.damaged(ctx, driver.Damage{Kind: driver.DamagedLink, Repository: repo, Digest: d, Path: at, What: what, Target: d, Link: kind}) {
		return nil
	}
	return artifact.ErrUnverified
}

// content reports the blob behind a link if it is missing or was found
// damaged; true where it is whole.
func (f *fsck) content(ctx context.Context, repo string, kind driver.LinkKind, d, to digest.Digest) bool {
	at := driver.BlobPath(to)
	if what, bad := f.blobs[to]; bad {
		f.named[to] = true
		if !f.damaged(ctx, driver.Damage{Kind: driver.DamagedBytes, Repository: repo, Digest: d, Path: at, What: what, Target: to, Link: kind}) {
			return false
		}
		delete(f.blobs, to)
		return true
	}
	_, err := f.g.driver.Stat(ctx, at)
	if driver.IsNotFound(err) {
		lost := f.g.store.AbsentBytes(ctx, repo, d, to, "the bytes")
		lost.Target, lost.Link = to, kind
		return f.damaged(ctx, *lost)
	}
	if err != nil {
		return f.damaged(ctx, driver.Damage{Repository: repo, Digest: d, Path: at, What: "cannot be read: " + err.Error()})
	}
	return true
}
