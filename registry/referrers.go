package registry

import (
	"bytes"
	"net/http"
	"net/url"
	"sort"
	"strconv"

	"github.com/opencontainers/go-digest"
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
	answer := list.first
	if want != "" || p != (page{n: -1}) {
		answer = list.page(p, want)
	}
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

// A referrersPage is one answer: an image index, and whether more comes after last.
type referrersPage struct {
	body []byte
	last digest.Digest
	more bool
}

// page writes the index of what of l comes after p.last and is of the wanted
// type, as much as fits a page.
func (l referrerList) page(p page, want string) (out referrersPage) {
	most := p.n
	if most < 0 {
		most = maxReferrers
	}
	from := sort.Search(len(l.descriptors), func(i int) bool { return string(l.descriptors[i].Digest) > p.last })
	var b bytes.Buffer
	b.WriteString(`{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageIndex + `","manifests":[`)
	n := 0
	for i := from; i < len(l.descriptors) && most > 0; i++ {
		if want != "" && l.descriptors[i].ArtifactType != want {
			continue
		}
		if n == most || n > 0 && b.Len()+len(l.encoded[i]) > maxReferrersBody {
			out.more = true
			break
		}
		if n > 0 {
			b.WriteByte(',')
		}
		b.Write(l.encoded[i])
		n, out.last = n+1, l.descriptors[i].Digest
	}
	b.WriteString("]}")
	out.body = b.Bytes()
	return out
}
