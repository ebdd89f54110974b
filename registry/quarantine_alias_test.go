package registry_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Proves B12: who looks whether a manifest is there hears that it is not, by
// whatever name it holds what is in quarantine, so that all of it is pushed again.
func TestAManifestLacksWhatItNamesBySha512_B12(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var x *aliased
	t.Run("push", func(t *testing.T) { x = newAliased(t, registrytest.Dir(dir)) })
	c := newClient(t, registrytest.New(t, registrytest.Dir(dir), registrytest.Free("free")))
	child := "/v2/" + aliasRepo + "/manifests/" + x.child.String()
	c.want(c.send("HEAD", child, nil), http.StatusOK)
	if err := os.WriteFile(filepath.Join(dir, driver.BlobPath(x.layer)), []byte("a stolen kex"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := c.get(aliasRepo, "blobs", x.layer.String()); a.status == http.StatusOK {
		t.Fatalf("damaged bytes are served: %s", a.body)
	}
	c.want(c.send("HEAD", child, nil), http.StatusNotFound)
}
