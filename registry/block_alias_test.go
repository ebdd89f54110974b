package registry_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// aliased are things with two names each: an index that names its child by
// sha512, which names its layer by sha512.
type aliased struct {
	*client
	s                             *registrytest.Server
	index, child, layer, layer512 digest.Digest
}

const aliasRepo = "free/a"

func newAliased(t *testing.T, options ...registrytest.Option) *aliased {
	s := registrytest.New(t, append([]registrytest.Option{registrytest.Free("free")}, options...)...)
	x := &aliased{client: newClient(t, s), s: s}
	body := []byte("a stolen key")
	layer := x.blob(aliasRepo, body)
	x.layer, x.layer512 = layer.Digest, digest.SHA512.FromBytes(body)
	x.want(x.putBlob(aliasRepo, body, x.layer512), http.StatusCreated)
	layer.Digest = x.layer512
	child := x.pushed(aliasRepo, "", image(nil, layer))
	x.child = child.Digest
	content := x.get(aliasRepo, "manifests", x.child.String()).body
	child.Digest = digest.SHA512.FromBytes(content)
	x.want(x.send("PUT", "/v2/"+aliasRepo+"/manifests/"+child.Digest.String(), content, "Content-Type", ocispec.MediaTypeImageManifest), http.StatusCreated)
	x.index = x.pushed(aliasRepo, "one", index(nil, child)).Digest
	return x
}

// Proves B11: a block holds whatever name the bytes are asked for by, in a read
// and in a mount, which would give them to a repository where they are not
// blocked.
func TestABlockHoldsForEveryNameOfWhatItTakesAlong_B11(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]func(*aliased) block.Block{
		"a blob":                     func(x *aliased) block.Block { return block.Block{Repository: aliasRepo, Digest: x.layer} },
		"a blob by its other name":   func(x *aliased) block.Block { return block.Block{Repository: aliasRepo, Digest: x.layer512} },
		"an index":                   func(x *aliased) block.Block { return block.Block{Repository: aliasRepo, Digest: x.index} },
		"an index, in all":           func(x *aliased) block.Block { return block.Block{Digest: x.index} },
		"a manifest, in all":         func(x *aliased) block.Block { return block.Block{Digest: x.child} },
		"the whole of a repository":  func(*aliased) block.Block { return block.Block{Repository: aliasRepo} },
		"a manifest, where it lies":  func(x *aliased) block.Block { return block.Block{Repository: aliasRepo, Digest: x.child} },
		"a blob, in all, by its own": func(x *aliased) block.Block { return block.Block{Digest: x.layer} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newAliased(t, registrytest.InMemory())
			for _, d := range []digest.Digest{x.layer, x.layer512} {
				x.want(x.send("POST", "/v2/free/before/blobs/uploads/?from="+aliasRepo+"&mount="+d.String(), nil), http.StatusCreated)
			}
			if _, err := x.s.Blocks.Block(t.Context(), b(x)); err != nil {
				t.Fatal(err)
			}
			for _, d := range []digest.Digest{x.layer, x.layer512} {
				if a := x.get(aliasRepo, "blobs", d.String()); a.status != http.StatusForbidden {
					t.Errorf("GET %.12s: %d", d, a.status)
				}
				if a := x.send("HEAD", "/v2/"+aliasRepo+"/blobs/"+d.String(), nil); a.status != http.StatusForbidden && a.status != http.StatusNotFound {
					t.Errorf("HEAD %.12s: %d", d, a.status)
				}
				if a := x.send("POST", "/v2/free/b/blobs/uploads/?from="+aliasRepo+"&mount="+d.String(), nil); a.status != http.StatusAccepted {
					t.Errorf("mount %.12s: %d, want an upload session", d, a.status)
				}
				if a := x.get("free/b", "blobs", d.String()); a.status == http.StatusOK {
					t.Errorf("%.12s is read in the other repository", d)
				}
			}
		})
	}
}

// Where it cannot be told under which digest a part is kept, a block says that it
// does not cover it.
func TestABlockSaysThatItDoesNotCoverWhatADamagedLinkNames_B11(t *testing.T) {
	t.Parallel()
	for _, repo := range []string{aliasRepo, ""} {
		dir := t.TempDir()
		var x *aliased
		t.Run("push", func(t *testing.T) { x = newAliased(t, registrytest.Dir(dir)) })
		if err := os.WriteFile(filepath.Join(dir, driver.LayerPath(aliasRepo, x.layer512)), []byte("damage"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := registrytest.New(t, registrytest.Dir(dir)) // which remembers no link
		if _, err := s.Blocks.Block(t.Context(), block.Block{Repository: repo, Digest: x.child}); err == nil {
			t.Errorf("in %q: a part whose link is damaged counts as covered", repo)
		}
	}
}
