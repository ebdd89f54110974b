package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
)

// readChecked reads at most limit bytes and denies those that do not have
// digest d. Errors wrap artifact.ErrUnverified or ErrInvalid where the bytes
// are to blame.
func readChecked(r io.Reader, d digest.Digest, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if _, err := copyChecked(context.Background(), &b, r, d, -1, limit); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// copyChecked copies r to w and says afterwards whether it was d: the caller
// must not use what was written before copyChecked has returned nil. A size
// below 0 is not known.
func copyChecked(ctx context.Context, w io.Writer, r io.Reader, d digest.Digest, size, limit int64) (int64, error) {
	if err := d.Validate(); err != nil {
		return 0, fmt.Errorf("digest %.100q: %s: %w", d, err, artifact.ErrInvalid)
	}
	if size > limit {
		return 0, fmt.Errorf("%d bytes, expected at most %d: %w", size, limit, artifact.ErrInvalid)
	}
	most := limit
	if size >= 0 {
		most = size
	}
	sum := d.Algorithm().Digester()
	n, err := io.Copy(io.MultiWriter(w, sum.Hash()), io.LimitReader(contextReader{ctx, r}, most+1))
	switch {
	case err != nil:
		return n, err
	case size >= 0 && n != size:
		return n, fmt.Errorf("%s came, its descriptor says %d bytes: %w", count(n, most), size, artifact.ErrUnverified)
	case n > most:
		return n, fmt.Errorf("more than %d bytes, expected at most %d: %w", most, limit, artifact.ErrInvalid)
	case sum.Digest() != d:
		return n, fmt.Errorf("the bytes have digest %s, expected %s: %w", sum.Digest(), d, artifact.ErrUnverified)
	}
	return n, nil
}

func count(n, most int64) string {
	if n > most {
		return "more"
	}
	return fmt.Sprintf("%d bytes", n)
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// mediaTypeOf is a Content-Type without parameters.
func mediaTypeOf(header string) string {
	mediaType, _, err := mime.ParseMediaType(header)
	if err != nil {
		return ""
	}
	return mediaType
}
