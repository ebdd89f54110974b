package registry_test

import (
	"context"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// endless is an Origin that never ends its answer; sent counts what was taken.
type endless struct{ sent *atomic.Int64 }

func (endless) Name() string { return "endless" }

func (e endless) Fetch(context.Context, string, driver.LinkKind, digest.Digest) (io.ReadCloser, error) {
	return e, nil
}

func (e endless) Read(p []byte) (int, error) { e.sent.Add(int64(len(p))); return len(p), nil }
func (endless) Close() error                 { return nil }

// A mirror that never ends its answer is read no further than what the
// manifest says, for a small blob, a large one and a manifest, and leaves
// nothing behind.
func TestAnOriginFillsNoDisk_B12(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		damaged func(*stored) digest.Digest
		most    int64
	}{
		"a small blob": {func(*stored) digest.Digest { return digest.FromString("small") }, 5},
		"a large blob": {func(x *stored) digest.Digest { return x.layer.Digest }, int64(len(large))},
		"a manifest":   {func(x *stored) digest.Digest { return x.version.Digest }, 4 << 20},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			var sent atomic.Int64
			x := newKept(t, -1, func(o *registrytest.Options) { o.RepairFrom = []integrity.Origin{endless{&sent}} })
			d := k.damaged(x)
			if err := os.Remove(x.at(d)); err != nil {
				t.Fatal(err)
			}
			var told []driver.Damage
			if err := x.s.Checks.Repair(t.Context(), func(d driver.Damage) { told = append(told, d) }); err != nil {
				t.Fatal(err)
			}
			if len(told) == 0 || told[0].Mended != "" || !strings.Contains(told[0].What, "more than") {
				t.Errorf("told %+v", told)
			}
			if got := sent.Load(); got == 0 || got > 4*(k.most+1)+64<<10 { // each damage that needs it asks once
				t.Errorf("%d bytes were read, the right ones are %d", got, k.most)
			}
			if _, err := os.Stat(x.at(d)); !os.IsNotExist(err) {
				t.Errorf("something was written: %v", err)
			}
		})
	}
}
