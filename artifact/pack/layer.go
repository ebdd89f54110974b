package pack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/oarlock/oarlock/artifact"
)

// gzipLevel and the compressor's version in go.mod are part of every digest.
const gzipLevel = 6

// writeLayer writes files as a gzipped tar that depends on their names and
// content alone.
func writeLayer(ctx context.Context, w io.Writer, root *os.Root, files tree) error {
	zw, err := gzip.NewWriterLevel(w, gzipLevel)
	if err != nil {
		return err
	}
	zw.Header = gzip.Header{OS: 255} // unknown, as RFC 1952 has it
	tw := tar.NewWriter(zw)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := writeEntry(tw, root, f); err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return zw.Close()
}

func writeEntry(tw *tar.Writer, root *os.Root, f file) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: f.size, Mode: 0o644, Format: tar.FormatGNU}
	switch {
	case f.link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.link, 0o777
	case f.exec:
		h.Mode = 0o755
	}
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	if f.link != "" {
		return nil
	}
	r, err := root.Open(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	n, err := io.Copy(tw, r)
	if err == nil && n != f.size || errors.Is(err, tar.ErrWriteTooLong) {
		return fmt.Errorf("it had %d bytes and has another size now: it changed while it was packed: %w", f.size, artifact.ErrConflict)
	}
	return err
}
