package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/oarlock/oarlock/artifact"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/errdef"
)

// A store is the read-only storage of one packed plugin.
type store struct {
	blobs map[digest.Digest]blob
	order []ocispec.Descriptor
}

// A blob is bytes at hand, or the files of a layer to be compressed again.
type blob struct {
	data  []byte
	dir   string
	files tree
}

func newStore() *store { return &store{blobs: map[digest.Digest]blob{}} }

func (s *store) add(d ocispec.Descriptor, b blob) {
	if _, ok := s.blobs[d.Digest]; ok {
		return
	}
	s.blobs[d.Digest] = b
	s.order = append(s.order, d)
}

// Exists reports whether the store holds d.
func (s *store) Exists(_ context.Context, d ocispec.Descriptor) (bool, error) {
	_, ok := s.blobs[d.Digest]
	return ok, nil
}

// Fetch gives the content of d. The caller closes it.
func (s *store) Fetch(ctx context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	b, ok := s.blobs[d.Digest]
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: %w", d.Digest, errdef.ErrNotFound)
	case b.files == nil:
		return io.NopCloser(bytes.NewReader(b.data)), nil
	}
	root, err := os.OpenRoot(b.dir)
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		defer root.Close()
		hash := digest.Canonical.Digester()
		changed := fmt.Errorf("%s: the files changed since they were packed: %w", b.dir, artifact.ErrConflict)
		err := writeLayer(ctx, io.MultiWriter(hash.Hash(), &roomy{w, d.Size, changed}), root, b.files)
		if err == nil && hash.Digest() != d.Digest {
			err = changed
		}
		w.CloseWithError(err)
	}()
	return r, nil
}

// roomy lets room bytes pass and fails with err behind them.
type roomy struct {
	w    io.Writer
	room int64
	err  error
}

func (b *roomy) Write(p []byte) (int, error) {
	if int64(len(p)) > b.room {
		return 0, b.err
	}
	b.room -= int64(len(p))
	return b.w.Write(p)
}
