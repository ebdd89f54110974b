package registry

import (
	"net/http"
	"net/url"
	"strconv"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// getReferrers answers the referrers API.
//
// Source: OCI distribution-spec 1.1, "Listing Referrers".
func (g *Registry) getReferrers(w http.ResponseWriter, r *http.Request, at route) error {
	q := r.URL.Query()
	p, err := parsePage(q, maxReferrers)
	if err != nil {
		return err
	}
	list, err := g.referrersOf(r.Context(), at.repo, at.digest)
	if err != nil {
		return err
	}
	keep := url.Values{}
	want := q.Get("artifactType")
	if want != "" {
		keep.Set("artifactType", want)
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	answer := list.page(p.last, p.n, want)
	if answer.more {
		w.Header().Set("Link", p.next(r.URL.Path, answer.last.String(), keep))
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer.body)))
	if r.Method != http.MethodHead {
		w.Write(answer.body)
	}
	return nil
}
