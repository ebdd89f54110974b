package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/distribution/reference"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
)

func (g *Registry) serveBlob(w http.ResponseWriter, r *http.Request, at route) error {
	if r.Method == http.MethodDelete {
		return g.deleteBlob(w, r, at)
	}
	f, err := g.openBlob(r.Context(), at.repo, at.digest)
	if err != nil {
		return g.blobMissing(r.Context(), err, at)
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Docker-Content-Digest", at.digest.String())
	h.Set("Etag", `"`+at.digest.String()+`"`)
	h.Set("Cache-Control", "max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, f)
	return nil
}

// openBlob opens the bytes of d for repo: a file where the driver keeps
// files, so that the kernel can send it.
func (g *Registry) openBlob(ctx context.Context, repo string, d digest.Digest) (io.ReadSeekCloser, error) {
	to, err := g.layer(ctx, repo, d)
	if err != nil {
		return nil, err
	}
	if g.driver.root != "" {
		f, err := os.Open(filepath.Join(g.driver.root, blobPath(to)))
		if errors.Is(err, os.ErrNotExist) {
			return nil, g.lostBlob(ctx, repo, d, to)
		}
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	if _, err := g.driver.Stat(ctx, blobPath(to)); isNotFound(err) {
		return nil, g.lostBlob(ctx, repo, d, to)
	}
	named, err := reference.WithName(repo)
	if err != nil {
		return nil, err
	}
	under, err := g.namespace.Repository(ctx, named)
	if err != nil {
		return nil, err
	}
	return under.Blobs(ctx).Open(ctx, to)
}

// lostBlob logs a link without bytes. It is answered as not found, so that a
// client that has the blob pushes it again and thereby mends it.
func (g *Registry) lostBlob(ctx context.Context, repo string, d, to digest.Digest) error {
	g.log.ErrorContext(ctx, "registry: damaged storage", "repository", repo, "digest", d, "path", blobPath(to), "what", "the blob's bytes are missing")
	return artifact.ErrNotFound
}

func (g *Registry) blobMissing(ctx context.Context, err error, at route) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return refuse(http.StatusNotFound, blobUnknown, "%s has no blob %s", at.repo, at.digest)
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
			return refuse(http.StatusMethodNotAllowed, unsupported,
				"blob %s of %s cannot be deleted: manifest %s references it", at.digest, at.repo, holder)
		}
	}
	for _, d := range []digest.Digest{at.digest, to} {
		if d == "" {
			continue
		}
		if err := g.driver.Delete(ctx, path.Dir(layerPath(at.repo, d))); err != nil && !isNotFound(err) {
			return err
		}
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}
