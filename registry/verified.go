package registry

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// verified remembers which bytes were seen to be those of their digest, as
// long as their file does not change. It lasts as long as the process.
type verified struct{ marks *cache[mark] }

type mark struct {
	size    int64
	changed time.Time
}

func newVerified() verified { return verified{newCache[mark](16 << 20)} }

func (v verified) has(d digest.Digest, size int64, changed time.Time) bool {
	m, ok := v.marks.get(d.String())
	return ok && m.size == size && m.changed.Equal(changed)
}

func (v verified) add(d digest.Digest, size int64, changed time.Time) {
	v.marks.put(d.String(), mark{size, changed}, 256, v.marks.begin())
}

// A sum is what was found by reading bytes.
type sum struct {
	digest digest.Digest
	size   int64
}

func (s sum) good(d digest.Digest) bool { return s.digest == d }

func (s sum) what() string { return fmt.Sprintf("its %d bytes have digest %s", s.size, s.digest) }

// sum reads the stored bytes of d whole, past pace if there is one.
func (g *Registry) sum(ctx context.Context, d digest.Digest, pace func(context.Context, int) error) (sum, error) {
	r, err := g.driver.Reader(ctx, driver.BlobPath(d), 0)
	if err != nil {
		return sum{}, err
	}
	defer r.Close()
	return sumOf(ctx, d, r, pace)
}

func sumOf(ctx context.Context, d digest.Digest, r io.Reader, pace func(context.Context, int) error) (sum, error) {
	digester := d.Algorithm().Digester()
	n, err := io.Copy(digester.Hash(), paced{ctx, r, pace})
	return sum{digester.Digest(), n}, err
}

// paced reads no faster than it is let, and not after ctx ended.
type paced struct {
	ctx  context.Context
	r    io.Reader
	pace func(context.Context, int) error
}

func (p paced) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	if p.pace != nil && n > 0 {
		if err := p.pace(p.ctx, n); err != nil {
			return n, err
		}
	}
	return n, err
}
