package registry_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// smallDisk mounts a file system of its own of so many bytes.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// usedBy is the size of the files below dir.
func usedBy(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		bytes += info.Size()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestRefusedUploadKeepsNothing: what did not fit takes no room from what does
// (A8, C2), however it came: at once, in a session, in chunks.
func TestRefusedUploadKeepsNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(smallDisk(t, 8<<20), "registry")
	c := newClient(t, registrytest.New(t, registrytest.Dir(dir), registrytest.With(func(o *registrytest.Options) { o.CacheBytes = -1 })))
	c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	before := usedBy(t, dir)
	large := bytes.Repeat([]byte("large"), 2<<20)
	d := digest.FromBytes(large).String()
	begin := func() string {
		return c.want(c.send("POST", "/v2/acme/hello/blobs/uploads/", nil), http.StatusAccepted).header.Get("Location")
	}
	for name, send := range map[string]func() answer{
		"POST":  func() answer { return c.send("POST", "/v2/acme/hello/blobs/uploads/?digest="+d, large) },
		"PUT":   func() answer { return c.send("PUT", begin()+"&digest="+d, large) },
		"PATCH": func() answer { return c.send("PATCH", begin(), large) },
	} {
		if said := c.refused(send(), http.StatusInsufficientStorage, "UNAVAILABLE"); !strings.Contains(said, "storage is full") {
			t.Errorf("%s: the answer does not say why: %s", name, said)
		}
		if now := usedBy(t, dir); now > before+4<<10 {
			t.Errorf("%s: %d bytes stay of what was refused", name, now-before)
		}
	}
	c.pushed("acme/hello", "2.0.0", plugin("acme/hello", "2.0.0", ""))
}

// TestReadOnlyDisk: a storage that became read only serves, and says so (G1).
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 4<<20)
	c := newClient(t, registrytest.New(t, registrytest.Dir(filepath.Join(dir, "registry"))))
	c.pushed("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	remount := func(flags uintptr) {
		if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Skipf("it cannot be made read only: %v", err)
		}
	}
	remount(syscall.MS_RDONLY)
	defer remount(0)
	a := c.send("POST", "/v2/acme/hello/blobs/uploads/?digest="+digest.FromString("x").String(), []byte("x"))
	if said := c.refused(a, http.StatusInsufficientStorage, "UNAVAILABLE"); !strings.Contains(said, "read only") {
		t.Errorf("the answer does not say why: %s", said)
	}
	a, _ = c.put("acme/hello", "2.0.0", plugin("acme/hello", "2.0.0", ""))
	c.refused(a, http.StatusInsufficientStorage, "UNAVAILABLE")
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
}

// TestFullDisk fills a real file system of 1 MiB.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 1<<20)
	s := registrytest.New(t, registrytest.Dir(filepath.Join(dir, "registry")), registrytest.With(func(o *registrytest.Options) { o.CacheBytes = -1 }))
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
	if err := s.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("damage: %v", &d) }); err != nil {
		t.Fatal(err)
	}
}
