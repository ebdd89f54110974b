package registry_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
)

// TestFullDisk fills a real file system of 1 MiB.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	s := registrytest.New(t, registrytest.Dir(filepath.Join(dir, "registry")), registrytest.With(func(o *registry.Options) { o.CacheBytes = -1 }))
	c := newClient(t, s)
	d := c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	filler := filepath.Join(dir, "filler")
	if err := os.WriteFile(filler, make([]byte, 1<<20), 0o600); err == nil {
		t.Fatal("the file system is larger than 1 MiB")
	}
	for i := range 20 {
		content := bytes.Repeat([]byte{byte(i)}, 100<<10)
		a := c.send("POST", "/v2/acme/hello/blobs/uploads/?digest="+digest.FromBytes(content).String(), content)
		c.refused(a, http.StatusInsufficientStorage, "UNAVAILABLE")
		c.want(c.get("acme/hello", "blobs", digest.FromBytes(content).String()), http.StatusNotFound)
		m := plugin("acme/hello", fmt.Sprintf("2.%d.0", i), "")
		a, _ = c.put("acme/hello", fmt.Sprintf("2.%d.0", i), m)
		c.want(a, http.StatusInsufficientStorage, http.StatusCreated)
	}
	got := c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	if digest.FromBytes(got.body) != d.Digest {
		t.Error("what was stored before came back different")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.pushed("acme/hello", "3.0.0", plugin("acme/hello", "3.0.0", ""))
	if err := s.Fsck(t.Context(), func(d registry.Damage) { t.Errorf("damage: %v", &d) }); err != nil {
		t.Fatal(err)
	}
}
