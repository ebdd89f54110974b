package storage

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

// IsVerified reports whether the bytes of d, in a file of this size that changed
// last at changed, were seen to be good.
func (s *Storage) IsVerified(d digest.Digest, size int64, changed time.Time) bool {
	return s.verified.has(d, size, changed)
}

// SetVerified remembers that they were.
func (s *Storage) SetVerified(d digest.Digest, size int64, changed time.Time) {
	s.verified.add(d, size, changed)
}

// A Sum is what was found by reading bytes.
type Sum struct {
	digest digest.Digest
	size   int64
}

// NewSum is what bytes were found to be that were read elsewhere.
func NewSum(d digest.Digest, size int64) Sum { return Sum{d, size} }

// Good reports whether they are those of d.
func (s Sum) Good(d digest.Digest) bool { return s.digest == d }

// What says what was found, for people.
func (s Sum) What() string { return fmt.Sprintf("its %d bytes have digest %s", s.size, s.digest) }

// Sum reads the stored bytes of d whole, past pace if there is one.
func (s *Storage) Sum(ctx context.Context, d digest.Digest, pace func(context.Context, int) error) (Sum, error) {
	r, err := s.driver.Reader(ctx, driver.BlobPath(d), 0)
	if err != nil {
		return Sum{}, err
	}
	defer r.Close()
	return SumOf(ctx, d, r, pace)
}

// SumOf reads r whole, no faster than pace lets it, and gives the digest, by the
// algorithm of d, and the length of what came.
func SumOf(ctx context.Context, d digest.Digest, r io.Reader, pace func(context.Context, int) error) (Sum, error) {
	digester := d.Algorithm().Digester()
	n, err := io.Copy(digester.Hash(), paced{ctx, r, pace})
	return Sum{digester.Digest(), n}, err
}

// paced reads no faster than it is let, and not after ctx ended.
type paced struct {
	ctx  context.Context
	r    io.Reader
	pace func(context.Context, int) error
}

// PacedReader gives what r does, past pace if there is one, until ctx ends.
func PacedReader(ctx context.Context, r io.Reader, pace func(context.Context, int) error) io.Reader {
	return paced{ctx, r, pace}
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
