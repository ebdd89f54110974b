package registry_test

import (
	"context"
	"strings"
	"syscall"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// untoldStore does not say whether something is stored at one path, or what.
type untoldStore struct {
	storagedriver.StorageDriver
	at string
}

func (u untoldStore) Stat(ctx context.Context, at string) (storagedriver.FileInfo, error) {
	if at == u.at {
		return nil, syscall.EIO
	}
	return u.StorageDriver.Stat(ctx, at)
}

// What could not be looked up is neither there nor missing: fsck names it, and
// mending leaves it alone.
func TestWhatFsckCouldNotLookUpIsNamed_B12(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(x *stored) string{
		"a repository's mark": func(*stored) string { return driver.MarkPath("acme/hello") },
		"a referrer link": func(x *stored) string {
			return driver.ReferrerPath("acme/hello", x.version.Digest, x.referrer.Digest)
		},
		"a blob": func(x *stored) string { return driver.BlobPath(x.layer.Digest) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := storedIn(t, "", registrytest.InMemory())
			d := x.s.Storage.Driver()
			d.StorageDriver = untoldStore{d.StorageDriver, at(x)}
			found := x.fsck(t)
			if len(found) != 1 || found[0].Path != at(x) || found[0].Kind != "" || !strings.Contains(found[0].What, "cannot be read") {
				t.Errorf("got %+v, expected %s that cannot be read", found, at(x))
			}
		})
	}
}
