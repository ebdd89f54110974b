package pack_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content/memory"
)

type entry = tar.Header

func reg(name string) entry { return entry{Typeflag: tar.TypeReg, Name: name, Size: 1, Mode: 0o644} }
func link(name, target string) entry {
	return entry{Typeflag: tar.TypeSymlink, Name: name, Linkname: target}
}
func hard(name, target string) entry {
	return entry{Typeflag: tar.TypeLink, Name: name, Linkname: target}
}

// tarball writes entries; each file is of as many "x" as its header says.
func tarball(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	for _, h := range entries {
		if err := tw.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := tw.Write(bytes.Repeat([]byte("x"), int(h.Size))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tw.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipped(t testing.TB, raw []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(raw); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestUnpackRefusesByName_A6(t *testing.T) {
	t.Parallel()
	limits := pack.Limits{Bytes: 5000, FileBytes: 4000, Entries: 10, Path: 100, Depth: 5, Ratio: 50, RatioFree: 100_000}
	plain := func(e ...entry) func(testing.TB) []byte {
		return func(t testing.TB) []byte { return gzipped(t, tarball(t, e...)) }
	}
	big := func(name string, size int64) entry {
		return entry{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
	}
	for name, row := range map[string]struct {
		archive func(testing.TB) []byte
		want    pack.Code
	}{
		"an absolute path":                           {plain(reg("/etc/passwd")), pack.CodePathAbsolute},
		"a path that climbs out":                     {plain(reg("../x")), pack.CodePathTraversal},
		"a path that climbs out in its middle":       {plain(reg("a/../../x")), pack.CodePathTraversal},
		"a path that climbs but stays":               {plain(reg("a/../x")), pack.CodePathTraversal},
		"a path that climbs with backslashes":        {plain(reg(`a\..\..\x`)), pack.CodePathTraversal},
		"a Windows drive":                            {plain(reg("C:/x")), pack.CodePathUnsafe},
		"a Windows drive behind a dot":               {plain(reg("./C:x")), pack.CodePathUnsafe},
		"a backslash":                                {plain(reg(`a\b`)), pack.CodePathUnsafe},
		"a name that is not UTF-8":                   {plain(reg("a\xff")), pack.CodePathUnsafe},
		"a name that is too long":                    {plain(reg(strings.Repeat("n", 101))), pack.CodePathTooLong},
		"a name that is too deep":                    {plain(reg("a/b/c/d/e/f")), pack.CodePathTooDeep},
		"a file in the place of the directory":       {plain(reg(".")), pack.CodePathUnsafe},
		"a link to an absolute path":                 {plain(link("l", "/etc")), pack.CodeLinkEscape},
		"a link out":                                 {plain(link("a/l", "../../x")), pack.CodeLinkEscape},
		"a link that climbs behind a name":           {plain(link("a/l", "b/../../x")), pack.CodeLinkEscape},
		"a link with a drive":                        {plain(link("l", "C:x")), pack.CodeLinkEscape},
		"a link to nothing":                          {plain(link("l", "")), pack.CodeLinkEscape},
		"a file below a link":                        {plain(link("l", "d"), reg("l/x")), pack.CodeBelowLink},
		"a file in the place of a link":              {plain(link("l", "d"), reg("l")), pack.CodeDuplicate},
		"a directory in the place of a link":         {plain(link("l", "d"), entry{Typeflag: tar.TypeDir, Name: "l/"}), pack.CodeDuplicate},
		"a hard link out":                            {plain(hard("h", "../x")), pack.CodeLinkEscape},
		"a hard link to what is not there":           {plain(hard("h", "x")), pack.CodeLinkTarget},
		"a hard link to a link":                      {plain(link("l", "d"), hard("h", "l")), pack.CodeLinkTarget},
		"a character device":                         {plain(entry{Typeflag: tar.TypeChar, Name: "c"}), pack.CodeSpecialFile},
		"a block device":                             {plain(entry{Typeflag: tar.TypeBlock, Name: "b"}), pack.CodeSpecialFile},
		"a fifo":                                     {plain(entry{Typeflag: tar.TypeFifo, Name: "f"}), pack.CodeSpecialFile},
		"a file twice":                               {plain(reg("x"), reg("x")), pack.CodeDuplicate},
		"a file twice in two spellings":              {plain(reg("a/x"), reg("./a//x")), pack.CodeDuplicate},
		"a file where a directory was":               {plain(reg("a/x"), reg("a")), pack.CodeDuplicate},
		"a file below a file":                        {plain(reg("a"), reg("a/x")), pack.CodeDuplicate},
		"names that differ by case":                  {plain(reg("readme"), reg("README")), pack.CodeCollision},
		"directories that differ by case":            {plain(reg("a/x"), reg("A/y")), pack.CodeCollision},
		"names that differ by Unicode form":          {plain(reg("\u00e9"), reg("e\u0301")), pack.CodeCollision},
		"names that differ by case and Unicode form": {plain(reg("\u00c9"), reg("e\u0301")), pack.CodeCollision},
		"names that differ by the Kelvin sign":       {plain(reg("k"), reg("\u212a")), pack.CodeCollision},
		"a file beyond its limit":                    {plain(big("x", 4001)), pack.CodeTooLarge},
		"files beyond the limit of all":              {plain(big("x", 4000), big("y", 1001)), pack.CodeTooLarge},
		"more entries than the limit":                {plain(reg("a"), reg("b"), reg("c"), reg("d"), reg("e"), reg("f"), reg("g"), reg("h"), reg("i"), reg("j"), reg("k")), pack.CodeTooMany},
		"more directories than the limit":            {plain(reg("a/a/a/x"), reg("b/b/b/x"), reg("c/c/c/x")), pack.CodeTooMany},
		"bytes that are no gzip":                     {func(testing.TB) []byte { return []byte("no gzip at all") }, pack.CodeMalformed},
		"a gzip of no tar":                           {func(t testing.TB) []byte { return gzipped(t, bytes.Repeat([]byte("no tar"), 200)) }, pack.CodeMalformed},
		"an empty layer":                             {func(testing.TB) []byte { return nil }, pack.CodeMalformed},
		"an archive that is cut":                     {func(t testing.TB) []byte { b := gzipped(t, tarball(t, reg("x"))); return b[:len(b)-9] }, pack.CodeMalformed},
		"an archive whose checksum is wrong":         {func(t testing.TB) []byte { b := gzipped(t, tarball(t, reg("x"))); b[len(b)-5] ^= 1; return b }, pack.CodeMalformed},
		"data behind the end of the tar":             {func(t testing.TB) []byte { return gzipped(t, append(tarball(t, reg("x")), "more"...)) }, pack.CodeTrailingGarbage},
		"data behind the end of the gzip":            {func(t testing.TB) []byte { return append(gzipped(t, tarball(t, reg("x"))), "more than ten bytes"...) }, pack.CodeTrailingGarbage},
		"zeros without end behind the tar":           {func(t testing.TB) []byte { return gzipped(t, append(tarball(t, reg("x")), make([]byte, 1<<20)...)) }, pack.CodeTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			err := pack.Unpack(t.Context(), bytes.NewReader(row.archive(t)), artifact.TypeContent, filepath.Join(parent, "in"), limits)
			bad, ok := errors.AsType[*pack.UnpackError](err)
			if !ok || bad.Code != row.want || !errors.Is(err, artifact.ErrInvalid) {
				t.Errorf("error %v, expected code %s", err, row.want)
			}
			if left, _ := os.ReadDir(parent); len(left) != 1 {
				t.Errorf("beside the directory there is %v", left)
			}
		})
	}
}

func TestABombIsStoppedByItsRatio_A6(t *testing.T) {
	t.Parallel()
	bomb := gzipped(t, tarball(t, entry{Typeflag: tar.TypeReg, Name: "zeros", Size: 32 << 20, Mode: 0o644}))
	dir := t.TempDir()
	err := pack.Unpack(t.Context(), bytes.NewReader(bomb), artifact.TypeContent, dir, pack.Limits{})
	if bad, ok := errors.AsType[*pack.UnpackError](err); !ok || bad.Code != pack.CodeRatio {
		t.Errorf("%d bytes that unpack to 32 MiB: %v, expected %s", len(bomb), err, pack.CodeRatio)
	}
	if info, err := os.Stat(filepath.Join(dir, "zeros")); err != nil || info.Size() > 9<<20 {
		t.Errorf("%v, %v: expected it to stop near %d bytes", info.Size(), err, pack.DefaultLimits.RatioFree)
	}
}

func TestUnpackKeepsWhatIsGood_A6(t *testing.T) {
	t.Parallel()
	archive := tarball(t, entry{Typeflag: tar.TypeDir, Name: "./"}, entry{Typeflag: tar.TypeDir, Name: "a/"}, reg("a/x"), entry{Typeflag: tar.TypeDir, Name: "a/"},
		entry{Typeflag: tar.TypeReg, Name: "./a/y", Size: 1, Mode: 0o6755}, link("a/up", "../z"), link("down", "a/x"), hard("h", "a/x"), reg("z"))
	for _, mediaType := range []string{artifact.TypeContent, ocispec.MediaTypeImageLayer, ocispec.MediaTypeImageLayerGzip} {
		raw := archive
		if mediaType != ocispec.MediaTypeImageLayer {
			raw = gzipped(t, archive)
		}
		dir := filepath.Join(t.TempDir(), "made")
		if err := pack.Unpack(t.Context(), bytes.NewReader(raw), mediaType, dir, pack.Limits{}); err != nil {
			t.Fatalf("%s: %v", mediaType, err)
		}
		want := map[string]string{"a/x": "x", "a/y": "x", "a/up": "x", "down": "x", "h": "x", "z": "x"}
		if diff := cmp.Diff(want, files(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", mediaType, diff)
		}
		info, err := os.Stat(filepath.Join(dir, "a", "y"))
		if err != nil || info.Mode() != 0o755 {
			t.Errorf("mode %v, %v: expected 0755 without setuid", info.Mode(), err)
		}
	}
}

func TestALaterLayerReplacesNothing_A6(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		second entry
		want   pack.Code
	}{
		"another file":              {reg("a/y"), ""},
		"the same file":             {reg("a/x"), pack.CodeDuplicate},
		"the same file by case":     {reg("A/x"), pack.CodeCollision},
		"a file below a link":       {reg("l/x"), pack.CodeBelowLink},
		"a hard link to what it is": {hard("h", "a/x"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			first := gzipped(t, tarball(t, reg("a/x"), link("l", "a")))
			if err := pack.Unpack(t.Context(), bytes.NewReader(first), artifact.TypeContent, dir, pack.Limits{}); err != nil {
				t.Fatal(err)
			}
			err := pack.Unpack(t.Context(), bytes.NewReader(gzipped(t, tarball(t, row.second))), artifact.TypeContent, dir, pack.Limits{})
			var got pack.Code
			if bad, ok := errors.AsType[*pack.UnpackError](err); ok {
				got = bad.Code
			}
			if got != row.want || (row.want == "") != (err == nil) {
				t.Errorf("error %v, expected code %q", err, row.want)
			}
		})
	}
}

func TestABrokenReaderIsNotABrokenArchive(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 64<<10)
	rand.Read(noise)
	var buf bytes.Buffer
	tw := tar.NewWriter(&buf)
	if err := tw.WriteHeader(&entry{Typeflag: tar.TypeReg, Name: "x", Size: int64(len(noise)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	tw.Write(noise)
	tw.Close()
	raw := gzipped(t, buf.Bytes())
	broken := errors.New("connection reset")
	r := io.MultiReader(bytes.NewReader(raw[:len(raw)/2]), iotest.ErrReader(broken))
	err := pack.Unpack(t.Context(), r, artifact.TypeContent, t.TempDir(), pack.Limits{})
	if !errors.Is(err, broken) || errors.Is(err, artifact.ErrInvalid) {
		t.Errorf("error %v, expected the reader's own", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := pack.Unpack(ctx, bytes.NewReader(raw), artifact.TypeContent, t.TempDir(), pack.Limits{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestExtractVerifiesBeforeItUnpacks_G1(t *testing.T) {
	t.Parallel()
	store := memory.New()
	good := gzipped(t, tarball(t, reg("x")))
	d := ocispec.Descriptor{MediaType: artifact.TypeContent, Digest: digest.FromBytes(good), Size: int64(len(good))}
	single := ocispec.Descriptor{MediaType: "text/plain", Digest: digest.FromString("hi"), Size: 2,
		Annotations: map[string]string{ocispec.AnnotationTitle: "docs/hi.txt"}}
	for blob, raw := range map[*ocispec.Descriptor][]byte{&d: good, &single: []byte("hi")} {
		if err := store.Push(t.Context(), *blob, bytes.NewReader(raw)); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	m := &artifact.Manifest{Layers: []ocispec.Descriptor{d, single, ocispec.DescriptorEmptyJSON}}
	if err := pack.Extract(t.Context(), store, m, dir, pack.Limits{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"x": "x", "docs/hi.txt": "hi"}, files(t, dir)); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for name, row := range map[string]struct {
		layer ocispec.Descriptor
		want  error
	}{
		"bytes of another digest":  {ocispec.Descriptor{MediaType: d.MediaType, Digest: digest.FromString("other"), Size: d.Size}, artifact.ErrUnverified},
		"a type without a title":   {ocispec.Descriptor{MediaType: "text/plain", Digest: single.Digest, Size: 2}, artifact.ErrInvalid},
		"a title that climbs out":  {ocispec.Descriptor{MediaType: "text/plain", Digest: single.Digest, Size: 2, Annotations: map[string]string{ocispec.AnnotationTitle: "../hi"}}, artifact.ErrInvalid},
		"a size that is not right": {ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size - 1}, artifact.ErrUnverified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := pack.Extract(t.Context(), lying{good, single}, &artifact.Manifest{Layers: []ocispec.Descriptor{row.layer}}, dir, pack.Limits{})
			if !errors.Is(err, row.want) {
				t.Errorf("error %v, expected %v", err, row.want)
			}
			if got := files(t, dir); len(got) != 0 {
				t.Errorf("%v was unpacked", got)
			}
		})
	}
}

// lying answers every question with one of its two blobs.
type lying struct {
	archive []byte
	single  ocispec.Descriptor
}

func (l lying) Fetch(_ context.Context, d ocispec.Descriptor) (io.ReadCloser, error) {
	if d.Digest == l.single.Digest {
		return io.NopCloser(strings.NewReader("hi")), nil
	}
	return io.NopCloser(bytes.NewReader(l.archive)), nil
}
