package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
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
	to, err := g.storage.Layer(r.Context(), at.repo, at.digest)
	if err != nil {
		return blobMissing(err, at)
	}
	if err := g.admitContent(r.Context(), at, to); err != nil {
		return err
	}
	name := at.digest.String()
	small, held := g.storage.SmallBlob(to)
	var f io.ReadSeekCloser
	if !held {
		if sent, err := g.redirect(w, r, at, to); sent || err != nil {
			return blobMissing(err, at)
		}
		if f, err = g.storage.OpenBytes(r.Context(), at.repo, at.digest, to); err != nil {
			return blobMissing(err, at)
		}
		defer f.Close()
		if small, held, err = g.storage.HoldSmall(r.Context(), at.repo, at.digest, to, f); err != nil {
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

func blobMissing(err error, at route) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	return errcode.Refuse(http.StatusNotFound, errcode.BlobUnknown, "%s has no blob %s", at.repo, at.digest)
}

// deleteBlob removes the blob from the repository. The bytes are left to
// garbage collection.
func (g *Registry) deleteBlob(w http.ResponseWriter, r *http.Request, at route) error {
	unlock, err := g.storage.Locker().Lock(r.Context(), "repository/"+at.repo, false)
	if err != nil {
		return storage.LockError(err)
	}
	defer unlock()
	ctx := context.WithoutCancel(r.Context())
	to, err := g.storage.Layer(ctx, at.repo, at.digest)
	if err != nil && !errors.Is(err, artifact.ErrUnverified) {
		return blobMissing(err, at)
	}
	if err != nil {
		to = at.digest // its link is damaged: manifests may need what they name so
	}
	if !g.opts.settings(ctx, at.repo).FreeTags {
		holder, err := g.storage.ManifestHolding(ctx, at.repo, to)
		if err != nil {
			return storage.CouldNotTell("which manifests need this blob", err)
		}
		if holder != "" {
			return errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported,
				"blob %s of %s cannot be deleted: manifest %s references it; what no manifest references goes by itself with garbage collection", at.digest, at.repo, holder)
		}
	}
	undo, err := g.opts.beginDelete(ctx, at, Removal{Digest: at.digest, Blob: true})
	if err != nil {
		return err
	}
	if at.digest != to {
		if err := g.storage.ForgetLink(ctx, at.repo, driver.BlobLink, at.digest, to); err != nil {
			return undo(err)
		}
	}
	if err := g.storage.ForgetLayer(ctx, at.repo, to); err != nil {
		return undo(err)
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}
