package registry

import (
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// redirect sends a client that wants the bytes of a larger blob to where
// storage serves them by itself, with a URL that is good for a while. It is
// false where that is not wanted or storage cannot; what fits memory is served
// from there, and HEAD is answered here, because it costs no bytes.
func (g *Registry) redirect(w http.ResponseWriter, r *http.Request, at route, to digest.Digest) (bool, error) {
	if !g.opts.Redirect || r.Method != http.MethodGet {
		return false, nil
	}
	fi, err := g.driver.Stat(r.Context(), driver.BlobPath(to))
	if driver.IsNotFound(err) {
		return false, g.storage.LostBlob(r.Context(), at.repo, at.digest, to)
	}
	if err != nil || fi.Size() <= storage.MaxSmall {
		return false, err
	}
	url, err := g.driver.RedirectURL(r, driver.BlobPath(to))
	if err != nil || url == "" {
		return false, err
	}
	h := w.Header()
	h.Set("Location", url)
	h.Set("Docker-Content-Digest", at.digest.String())
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true, nil
}
