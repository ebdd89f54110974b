package registry

import (
	"net/http"
	"net/url"
	"strconv"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/storage"
)

// getReferrers answers the referrers API.
//
// Source: OCI distribution-spec 1.1, "Listing Referrers".
func (g *Registry) getReferrers(w http.ResponseWriter, r *http.Request, at route) error {
	q := r.URL.Query()
	p, err := parsePage(q, storage.MaxReferrers)
	if err != nil {
		return err
	}
	list, err := g.storage.ReferrersOf(r.Context(), at.repo, at.digest)
	if err != nil {
		return err
	}
	keep := url.Values{}
	want := q.Get("artifactType")
	if want != "" {
		keep.Set("artifactType", want)
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	answer := list.Page(p.last, p.n, want)
	if answer.More {
		w.Header().Set("Link", p.next(r.URL.Path, answer.Last.String(), keep))
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.Body)))
	if r.Method != http.MethodHead {
		w.Write(answer.Body)
	}
	return nil
}
