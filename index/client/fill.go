package client

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// fill pulls the layers of v and the payloads for the puller's platform and unpacks them into dir. Each is
// checked whole before a byte of it is unpacked. It says how many bytes came.
func (p *Puller) fill(ctx context.Context, v *verified, dir string) (int64, error) {
	size, err := p.announced(v)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", v.reference(), err)
	}
	if err := pack.Extract(ctx, v.at, v.manifest, dir, p.options.Limits.Unpack); err != nil {
		return 0, fmt.Errorf("%s: %w", v.reference(), err)
	}
	for _, one := range v.plugin.PayloadsFor(p.options.Platform) {
		came, err := p.payload(ctx, one, dir, p.options.Limits.Pulled-size)
		if err != nil {
			return 0, fmt.Errorf("%s: payloads[%d] %s: %w", v.reference(), slices.Index(v.plugin.Payloads, one), one.URL, err)
		}
		size += came
	}
	return size, nil
}

// announced is what the layers will weigh by their descriptors, which Extract
// holds them to.
func (p *Puller) announced(v *verified) (int64, error) {
	var size int64
	for _, d := range v.manifest.Layers {
		if d.Size > math.MaxInt64-size {
			return 0, fmt.Errorf("layers: more than %d bytes: %w", int64(math.MaxInt64), artifact.ErrInvalid)
		}
		size += d.Size
	}
	if size > p.options.Limits.Pulled {
		return 0, fmt.Errorf("layers: %d bytes, expected at most %d: %w", size, p.options.Limits.Pulled, artifact.ErrInvalid)
	}
	return size, nil
}

// Fetch opens a blob. It is what oras-go calls a content.Fetcher; whoever
// reads checks the bytes.
func (r *repository) Fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	resp, err := r.get(ctx, "blobs", d.Digest, "")
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// payload fetches a file that is hosted elsewhere, checks it and puts it into
// dir. No login goes along.
func (p *Puller) payload(ctx context.Context, one artifact.Payload, dir string, room int64) (int64, error) {
	u, err := url.Parse(one.URL)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s: %w", err, artifact.ErrInvalid)
	case u.Scheme != "https" && (u.Scheme != "http" || !p.options.PlainHTTP && !isLoopback(u.Host)):
		return 0, fmt.Errorf("scheme %q, expected https: %w", u.Scheme, artifact.ErrInvalid)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := p.plain.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, refusal(resp)
	}
	f, err := os.CreateTemp("", "oarlock-payload-*")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	size := int64(-1)
	if one.Size > 0 {
		size = one.Size
	}
	n, err := copyChecked(ctx, f, resp.Body, one.Digest, size, room)
	if err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	return n, pack.UnpackFile(ctx, f, one.Target(), dir, p.options.Limits.Unpack)
}
