package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

func (g *Registry) serveBlob(w http.ResponseWriter, r *http.Request, at route) error {
	if r.Method == http.MethodDelete {
		return g.deleteBlob(w, r, at)
	}
	if dropOtherRange(r.Header) {
		r = r.Clone(r.Context())
		r.Header.Del("Range")
	}
	to, err := g.layer(r.Context(), at.repo, at.digest)
	if err != nil {
		return g.blobMissing(r.Context(), err, at)
	}
	if err := g.admitContent(r.Context(), at, to); err != nil {
		return err
	}
	name := at.digest.String()
	small, held := g.blobs.get(to.String())
	var f io.ReadSeekCloser
	if !held {
		if sent, err := g.redirect(w, r, at, to); sent || err != nil {
			return g.blobMissing(r.Context(), err, at)
		}
		if f, err = g.openBytes(r.Context(), at.repo, at.digest, to); err != nil {
			return g.blobMissing(r.Context(), err, at)
		}
		defer f.Close()
		if small, held, err = g.holdSmall(r.Context(), at.repo, at.digest, to, f); err != nil {
			return err
		}
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/octet-stream"}
	h["Docker-Content-Digest"] = []string{name}
	h["Etag"] = []string{`"` + name + `"`}
	h["Cache-Control"] = []string{"max-age=31536000, immutable"}
	switch {
	case !held:
		return g.serveLarge(w, r, at, to, f)
	case r.Method == http.MethodGet && !partial(r.Header):
		h["Accept-Ranges"] = []string{"bytes"}
		h["Content-Length"] = []string{strconv.Itoa(len(small))}
		w.Write(small)
	default:
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(small))
	}
	return nil
}

// partial reports whether a request asks for less than the whole answer.
func partial(h http.Header) bool {
	return h["Range"] != nil || h["If-None-Match"] != nil || h["If-Match"] != nil || h["If-Range"] != nil ||
		h["If-Modified-Since"] != nil || h["If-Unmodified-Since"] != nil
}

// dropOtherRange reports whether a request asks for a range in other units than
// bytes, which is answered with the whole.
//
// Source: RFC 9110, section 14.2.
func dropOtherRange(h http.Header) bool {
	unit, _, _ := strings.Cut(h.Get("Range"), "=")
	return h["Range"] != nil && !strings.EqualFold(strings.TrimSpace(unit), "bytes")
}

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

func (g *Registry) blobMissing(ctx context.Context, err error, at route) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return errcode.Refuse(http.StatusNotFound, errcode.BlobUnknown, "%s has no blob %s", at.repo, at.digest)
}

// deleteBlob removes the blob from the repository. The bytes are left to
// garbage collection.
func (g *Registry) deleteBlob(w http.ResponseWriter, r *http.Request, at route) error {
	unlock, err := g.opts.Locker.Lock(r.Context(), "repository/"+at.repo, false)
	if err != nil {
		return lockError(err)
	}
	defer unlock()
	ctx := context.WithoutCancel(r.Context())
	to, err := g.layer(ctx, at.repo, at.digest)
	if err != nil && !errors.Is(err, artifact.ErrUnverified) {
		return g.blobMissing(ctx, err, at)
	}
	if !g.settings(ctx, at.repo).FreeTags {
		holder, err := g.manifestHolding(ctx, at.repo, to)
		if err != nil {
			return couldNotTell("which manifests need this blob", err)
		}
		if holder != "" {
			return errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported,
				"blob %s of %s cannot be deleted: manifest %s references it; what no manifest references goes by itself with garbage collection", at.digest, at.repo, holder)
		}
	}
	undo, err := g.beginDelete(ctx, at, Removal{Digest: at.digest, Blob: true})
	if err != nil {
		return err
	}
	for _, d := range []digest.Digest{at.digest, to} {
		if d == "" {
			continue
		}
		link := driver.LayerPath(at.repo, d)
		if err := g.deleteLink(ctx, path.Dir(link), link); err != nil && !driver.IsNotFound(err) {
			return undo(err)
		}
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}
