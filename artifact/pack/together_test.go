package pack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/pack"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Proves A7: many layers and files together bring no more than one may, so
// that splitting an archive passes no limit.
func TestLimitsHoldForAllLayersTogether_A7(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		limits pack.Limits
		code   pack.Code
	}{
		"bytes":   {pack.Limits{Bytes: 250}, pack.CodeTooLarge},
		"entries": {pack.Limits{Entries: 2}, pack.CodeTooMany},
	} {
		dir := filepath.Join(t.TempDir(), "x")
		for i := range 3 {
			var layer bytes.Buffer
			w := tar.NewWriter(&layer)
			err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("f%d", i), Size: 100, Mode: 0o644})
			_, wrote := w.Write(make([]byte, 100))
			if err := errors.Join(err, wrote, w.Close()); err != nil {
				t.Fatal(err)
			}
			err = pack.Unpack(t.Context(), &layer, ocispec.MediaTypeImageLayer, dir, k.limits)
			bad, refused := errors.AsType[*pack.UnpackError](err)
			if last := i == 2; refused != last || last && bad.Code != k.code || err != nil && !refused {
				t.Errorf("%s: layer %d: %v", says, i, err)
			}
		}
		if err := pack.UnpackFile(t.Context(), bytes.NewReader(make([]byte, 100)), "single", dir, k.limits); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: a single file behind them: %v", says, err)
		}
	}
}
