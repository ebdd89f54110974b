package pack

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/oarlock/oarlock/artifact"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Unpack unpacks one archive layer, a tar or gzipped tar by its media type,
// into dir, which it makes where it is missing. What dir holds already stays:
// an archive may add to it and replace nothing, so layers of one plugin go
// into one directory one after the other. The limits hold for all that dir
// holds in the end.
//
// Files get mode 0644 or 0755; owners, times and other bits are dropped. Links
// are kept where they stay inside. An archive at fault gives an *UnpackError,
// which wraps ErrInvalid; any other error is the reader's or the disk's. Either
// way what was written so far stays: give it a fresh directory and remove that.
// Bytes are not verified: that is before.
func Unpack(ctx context.Context, r io.Reader, mediaType, dir string, l Limits) error {
	return unpack(ctx, r, dir, l, func(u *unpacker, src *countingReader) error { return u.archive(src, mediaType) })
}

// UnpackFile writes one single-file layer as name, which is its title
// annotation, below dir by the rules of Unpack.
func UnpackFile(ctx context.Context, r io.Reader, name, dir string, l Limits) error {
	return unpack(ctx, r, dir, l, func(u *unpacker, src *countingReader) error {
		return u.entry(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, src)
	})
}

// unpack tells the reader's own errors from what is wrong with its content.
func unpack(ctx context.Context, r io.Reader, dir string, l Limits, do func(*unpacker, *countingReader) error) error {
	u, err := openUnpacker(dir, l)
	if err != nil {
		return err
	}
	defer u.root.Close()
	src := &countingReader{ctx: ctx, r: r}
	err = do(u, src)
	if src.err != nil {
		return fmt.Errorf("unpack: %w", src.err)
	}
	return err
}

// IsArchive reports whether Unpack reads layers of this media type.
func IsArchive(mediaType string) bool {
	_, known := compressed(mediaType)
	return known
}

func compressed(mediaType string) (gz, known bool) {
	switch mediaType {
	case artifact.TypeContent, ocispec.MediaTypeImageLayerGzip, "application/vnd.docker.image.rootfs.diff.tar.gzip",
		"application/x-tar+gzip", "application/x-gtar", "application/tar+gzip":
		return true, true
	case ocispec.MediaTypeImageLayer, "application/x-tar", "application/tar":
		return false, true
	}
	return false, false
}

type unpacker struct {
	root    *os.Root
	limits  Limits
	names   names
	entries int
	bytes   int64
}

// openUnpacker opens dir and learns what it holds already: those names are
// taken, and count with their sizes towards the limits, so that many layers
// and payloads together bring no more than one may.
func openUnpacker(dir string, l Limits) (*unpacker, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	u := &unpacker{root: root, limits: l.withDefaults(), names: names{}}
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == "." {
			return err
		}
		k := kindFile
		switch {
		case d.IsDir():
			k = kindDir
		case d.Type() == fs.ModeSymlink:
			k = kindLink
		default:
			info, err := d.Info()
			if err != nil {
				return err
			}
			u.bytes += info.Size()
		}
		u.entries++
		u.names[fold(p)] = entry{p, k}
		return nil
	})
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return u, nil
}

func (u *unpacker) archive(src *countingReader, mediaType string) error {
	gz, known := compressed(mediaType)
	if !known {
		return refuse(CodeMediaType, "", "%q is not an archive that is known here", mediaType)
	}
	flat := &expanded{src: src, limits: u.limits, r: src}
	if gz {
		zr, err := gzip.NewReader(src)
		if err != nil {
			return refuse(CodeMalformed, "", "not gzip: %s", err)
		}
		flat.r, flat.bounded = zr, true
	}
	tr := tar.NewReader(flat)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return trailing(flat)
		}
		if err != nil {
			return malformed("", err)
		}
		if err := u.entry(h, tr); err != nil {
			return err
		}
	}
}

// trailing refuses anything but zeros behind the end of the archive.
func trailing(r io.Reader) error {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		for _, b := range buf[:n] {
			if b != 0 {
				return refuse(CodeTrailingGarbage, "", "there is data behind the end of the archive")
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, gzip.ErrHeader):
			return refuse(CodeTrailingGarbage, "", "there is data behind the end of the gzip stream")
		case err != nil:
			return malformed("", err)
		}
	}
}

// malformed keeps an *UnpackError and takes anything else for a broken archive.
func malformed(entry string, err error) error {
	if bad, ok := errors.AsType[*UnpackError](err); ok {
		return bad
	}
	return refuse(CodeMalformed, entry, "%s", err)
}

func (u *unpacker) entry(h *tar.Header, r io.Reader) error {
	if u.entries++; u.entries > u.limits.Entries {
		return refuse(CodeTooMany, h.Name, "more than %d entries", u.limits.Entries)
	}
	name, err := cleanName(h.Name)
	if err != nil {
		return err
	}
	if sparse(h) {
		return refuse(CodeSpecialFile, h.Name, "sparse files are not taken")
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return u.dir(name)
	case tar.TypeReg:
		return u.file(name, h, r)
	case tar.TypeSymlink:
		return u.symlink(name, h.Linkname)
	case tar.TypeLink:
		return u.hardlink(name, h.Linkname)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return refuse(CodeSpecialFile, h.Name, "type %q, expected a file, a directory or a link", h.Typeflag)
}

func sparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return h.Typeflag == tar.TypeGNUSparse
}
