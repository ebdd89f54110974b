package registry_test

import (
	"net/http"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/registrytest"
)

// What a client's manifest claims about the size of bytes that others share
// changes nothing about these bytes, also when they are looked at for the
// first time after a start.
func TestAClaimedSizeRemovesNoBytes_B12(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shared := map[string][]byte{"empty": {}, "empty JSON": []byte("{}"), "small": []byte("shared by many")}
	t.Run("stored", func(t *testing.T) {
		c := newClient(t, registrytest.New(t, registrytest.Dir(dir)))
		for _, content := range shared {
			c.blob("acme/victim", content)
			c.blob("other/tenant", content)
		}
	})
	c := newClient(t, registrytest.New(t, registrytest.Dir(dir)))
	for name, content := range shared {
		d := digest.FromBytes(content)
		for _, size := range []int64{5, 0, 1, int64(len(content)), 1 << 40} {
			layer := ocispec.Descriptor{MediaType: "text/plain", Digest: d, Size: size}
			c.put("other/tenant", "", image(nil, layer))
			if a := c.get("acme/victim", "blobs", d.String()); a.status != http.StatusOK || string(a.body) != string(content) {
				t.Fatalf("%s: after a manifest that says its size is %d: got %d %q", name, size, a.status, a.body)
			}
		}
	}
}
