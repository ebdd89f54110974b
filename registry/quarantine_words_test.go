package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"
	"syscall"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/storage/driver"
)

// unreadableStore gives bytes to nobody: each read of them fails with err.
type unreadableStore struct {
	storagedriver.StorageDriver
	err func() error
}

func (u unreadableStore) Reader(ctx context.Context, at string, from int64) (io.ReadCloser, error) {
	if path.Base(at) == "data" {
		return nil, u.err()
	}
	return u.StorageDriver.Reader(ctx, at, from)
}

// Whether bytes are in quarantine must not follow from what a request does: one
// that leaves, or that comes when the process has no more files, says nothing
// about them. Only what the medium says does.
func TestOnlyTheMediumSetsUnreadableBytesAside_B12(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		err   error
		aside bool
	}{
		"the client left":     {context.Canceled, false},
		"too slow":            {context.DeadlineExceeded, false},
		"too many open files": {syscall.EMFILE, false},
		"not permitted":       {syscall.EACCES, false},
		"a bucket that fails": {fmt.Errorf("GET: %d", http.StatusBadGateway), false},
		"a bad sector":        {syscall.EIO, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := opened(t, onDisk(t.TempDir()), Options{Guards: AdmitAllUnsafe()})
			content := strings.Repeat("good ", 1000)
			d := digest.FromString(content)
			if err := g.driver.PutContent(t.Context(), driver.BlobPath(d), []byte(content)); err != nil {
				t.Fatal(err)
			}
			good := g.driver.StorageDriver
			g.driver.StorageDriver = unreadableStore{good, func() error { return one.err }}
			err := g.storage.Distrust(t.Context(), d)
			g.driver.StorageDriver = good
			if !one.aside && !errors.Is(err, one.err) {
				t.Errorf("got %v, want %v", err, one.err)
			}
			if _, err := good.Stat(t.Context(), driver.BlobPath(d)); driver.IsNotFound(err) != one.aside {
				t.Errorf("set aside: %v, want %v", driver.IsNotFound(err), one.aside)
			}
		})
	}
}
