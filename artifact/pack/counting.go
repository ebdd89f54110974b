package pack

import (
	"context"
	"errors"
	"io"
)

// A countingReader counts what is read and remembers the reader's own error, so that
// a broken connection is not taken for a broken archive.
type countingReader struct {
	ctx context.Context
	r   io.Reader
	n   int64
	err error
}

func (s *countingReader) Read(b []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		s.err = err
		return 0, err
	}
	n, err := s.r.Read(b)
	s.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// expanded counts unpacked bytes and stops when they are too many for the
// compressed ones that they came from, or for the limits altogether.
type expanded struct {
	src     *countingReader
	r       io.Reader
	limits  Limits
	bounded bool
	n       int64
}

func (e *expanded) Read(b []byte) (int, error) {
	n, err := e.r.Read(b)
	e.n += int64(n)
	// Headers and padding take at most 4 blocks and a long name for each entry.
	most := e.limits.Bytes + int64(e.limits.Entries+1)*(4<<10)
	if e.n > most {
		return n, refuse(CodeTooLarge, "", "the archive unpacks to more than %d bytes", most)
	}
	if e.bounded && e.n > e.limits.RatioFree && e.n/e.limits.Ratio > e.src.n {
		return n, refuse(CodeRatio, "", "%d bytes unpack to %d or more, expected at most %d for each one", e.src.n, e.n, e.limits.Ratio)
	}
	return n, err
}
