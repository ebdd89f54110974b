package registry

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// A page is what a listing was asked for: at most n entries after last.
type page struct {
	n    int // negative: as many as there are
	last string
}

// parsePage reads the parameters n and last; n above most is cut to it.
func parsePage(q url.Values, most int) (page, error) {
	p := page{n: -1, last: q.Get("last")}
	text := q.Get("n")
	if text == "" {
		return p, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return page{}, errcode.Refuse(http.StatusBadRequest, errcode.Unsupported, "n=%.40q: expected a whole number, zero or more", text)
	}
	p.n = most
	if n < uint64(most) {
		p.n = int(n)
	}
	return p, nil
}

// next is the value of a Link header that goes on after last; keep names
// further parameters to repeat.
func (p page) next(path string, last string, keep url.Values) string {
	q := url.Values{"last": {last}}
	if p.n >= 0 {
		q.Set("n", strconv.Itoa(p.n))
	}
	for k, v := range keep {
		q[k] = v
	}
	u := url.URL{Path: path, RawQuery: q.Encode()}
	return "<" + u.String() + `>; rel="next"`
}
