package registry

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"sort"
	"strconv"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// One page of referrers holds at most that many and that many bytes.
const (
	maxReferrers     = 1000
	maxReferrersBody = 4 << 20
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
	list, err := g.Referrers(r.Context(), at.repo, at.digest)
	if err != nil {
		return err
	}
	keep := url.Values{}
	if want := q.Get("artifactType"); want != "" {
		list = filterType(list, want)
		keep.Set("artifactType", want)
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	list = list[sort.Search(len(list), func(i int) bool { return string(list[i].Digest) > p.last }):]
	body, n, err := referrersBody(list, p.n)
	if err != nil {
		return err
	}
	if n < len(list) && n > 0 {
		w.Header().Set("Link", p.next(r.URL.Path, list[n-1].Digest.String(), keep))
	}
	w.Header().Set("Content-Type", ocispec.MediaTypeImageIndex)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return nil
}

func filterType(list []ocispec.Descriptor, want string) []ocispec.Descriptor {
	kept := list[:0]
	for _, d := range list {
		if d.ArtifactType == want {
			kept = append(kept, d)
		}
	}
	return kept
}

// referrersBody writes as much of list as fits a page and says how many that were.
func referrersBody(list []ocispec.Descriptor, most int) (body []byte, n int, err error) {
	if most < 0 || most > maxReferrers {
		most = maxReferrers
	}
	var b bytes.Buffer
	b.WriteString(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[`)
	for n < len(list) && n < most {
		one, err := json.Marshal(list[n])
		if err != nil {
			return nil, 0, err
		}
		if n > 0 && b.Len()+len(one) > maxReferrersBody {
			break
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(one)
		n++
	}
	b.WriteString("]}")
	return b.Bytes(), n, nil
}
