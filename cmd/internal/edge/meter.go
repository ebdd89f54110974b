package edge

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// A meter measures one route.
type meter struct {
	seconds prometheus.Observer
	in, out prometheus.Counter
}

// countedBody counts what is read of a request's body, also while another
// goroutine still reads.
type countedBody struct {
	io.ReadCloser
	bytes atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.bytes.Add(int64(n))
	return n, err
}

// codeIn is the code of an answer that refuses: in a problem, or the first
// error of the OCI API. "" where there is none.
func codeIn(body []byte) string {
	_, rest, ok := bytes.Cut(body, []byte(`"code":"`))
	if !ok {
		return ""
	}
	code, _, ok := bytes.Cut(rest, []byte(`"`))
	if !ok || len(code) == 0 || len(code) > 48 {
		return ""
	}
	for _, c := range code {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' {
			return ""
		}
	}
	return string(code)
}

// codes bounds the values of a label: the first maxCodes that occur, and
// "other" for all further ones and for none.
type codes struct {
	mu   sync.Mutex
	seen map[string]bool
}

const maxCodes = 64

func (c *codes) known(code string) string {
	if code == "" {
		return "other"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.seen[code]:
		return code
	case len(c.seen) >= maxCodes:
		return "other"
	case c.seen == nil:
		c.seen = map[string]bool{}
	}
	c.seen[code] = true
	return code
}
