package pack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Whatever the archive, nothing comes to be outside the directory, no link in
// it leads out, and a refusal has a code.
func FuzzUnpack(f *testing.F) {
	f.Add(tarball(f, reg("a/x"), link("l", "a"), hard("h", "a/x")))
	f.Add(tarball(f, reg("../x")))
	f.Add(tarball(f, link("a/l", "../.."), reg("a/l/x")))
	f.Add(tarball(f, link("x/y", ".."), link("x/z", "y/..")))
	f.Add(tarball(f, entry{Typeflag: tar.TypeDir, Name: "d/"}, reg("D")))
	f.Add(tarball(f, entry{Typeflag: tar.TypeReg, Name: "p", Size: 1, PAXRecords: map[string]string{"VENDOR.x": "y"}}))
	f.Add(gzipped(f, tarball(f, reg("x"))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		parent := t.TempDir()
		limits := pack.Limits{Bytes: 1 << 16, Entries: 32}
		for i, mediaType := range []string{ocispec.MediaTypeImageLayer, artifact.TypeContent} {
			dir := filepath.Join(parent, []string{"0", "1"}[i])
			err := pack.Unpack(t.Context(), bytes.NewReader(raw), mediaType, dir, limits)
			if errors.Is(err, artifact.ErrInvalid) {
				if bad, ok := errors.AsType[*pack.UnpackError](err); !ok || bad.Code == "" {
					t.Errorf("%v has no code", err)
				}
			}
			inside(t, dir)
		}
		left, err := os.ReadDir(parent)
		if err != nil || len(left) != 2 {
			t.Errorf("beside the directories there is %v, %v", left, err)
		}
	})
}

// inside fails where anything below dir leads out of it.
func inside(t *testing.T, dir string) {
	t.Helper()
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if k := d.Type(); k != 0 && k != fs.ModeDir && k != fs.ModeSymlink {
			t.Errorf("%s is a %s", p, k)
		}
		if to, err := filepath.EvalSymlinks(p); err == nil && to != real && !strings.HasPrefix(to, real+string(filepath.Separator)) {
			t.Errorf("%s leads to %s", p, to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
