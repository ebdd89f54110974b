package registry_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// unreadStore does not say what is stored at one path.
type unreadStore struct {
	storagedriver.StorageDriver
	at string
}

func (u unreadStore) GetContent(ctx context.Context, at string) ([]byte, error) {
	if at == u.at {
		return nil, syscall.EIO
	}
	return u.StorageDriver.GetContent(ctx, at)
}

// Proves B3: what is deleted is read by none of its names, and a delete says so
// where it could not tell what its names are.
func TestADeleteTakesEveryNameAlong_B3(t *testing.T) {
	t.Parallel()
	const repo = "free/x"
	content := encode(t, image(nil))
	blob := []byte("a blob")
	for kind, k := range map[string]struct {
		content []byte
		link    func(string, digest.Digest) string
	}{"manifests": {content, driver.RevisionPath}, "blobs": {blob, driver.LayerPath}} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"))
			c := newClient(t, s)
			c.blob(repo, emptyConfig)
			names := []digest.Digest{digest.FromBytes(k.content), digest.SHA512.FromBytes(k.content)}
			for _, d := range names {
				if kind == "blobs" {
					c.want(c.putBlob(repo, k.content, d), http.StatusCreated)
					continue
				}
				c.want(c.send("PUT", "/v2/"+repo+"/manifests/"+d.String(), k.content, "Content-Type", "application/vnd.oci.image.manifest.v1+json"), http.StatusCreated)
			}
			path := "/v2/" + repo + "/" + kind + "/"
			d := s.Storage.Driver()
			whole := d.StorageDriver
			d.StorageDriver = unreadStore{whole, k.link(repo, names[1])}
			if a := c.send("DELETE", path+names[0].String(), nil); a.status < 500 {
				t.Errorf("one name could not be read: %d %s", a.status, a.body)
			}
			d.StorageDriver = whole
			c.want(c.send("DELETE", path+names[0].String(), nil), http.StatusAccepted)
			for _, name := range names {
				c.want(c.send("GET", path+name.String(), nil), http.StatusNotFound)
			}
		})
	}
}

// Proves B3: a blob that a manifest needs is not deleted because its link, or
// that of what the manifest names, is damaged.
func TestABlobThatAManifestNeedsStaysWhereItsLinkIsDamaged_B3(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	body := []byte("what the manifest needs")
	names := map[string]digest.Digest{"sha256": digest.FromBytes(body), "sha512": digest.SHA512.FromBytes(body)}
	for named, name := range names {
		for damaged, link := range names {
			t.Run(named+" named, "+damaged+" damaged", func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				t.Run("push", func(t *testing.T) {
					c := newClient(t, registrytest.New(t, registrytest.Dir(dir)))
					layer := c.blob(repo, body)
					c.want(c.putBlob(repo, body, names["sha512"]), http.StatusCreated)
					layer.Digest = name
					c.pushed(repo, "", image(nil, layer))
				})
				if err := os.WriteFile(filepath.Join(dir, driver.LayerPath(repo, link)), []byte("damage"), 0o600); err != nil {
					t.Fatal(err)
				}
				c := newClient(t, registrytest.New(t, registrytest.Dir(dir)))
				a := c.send("DELETE", "/v2/"+repo+"/blobs/"+names["sha256"].String(), nil)
				if a.status != http.StatusMethodNotAllowed && a.status != http.StatusServiceUnavailable {
					t.Errorf("%d %s", a.status, a.body)
				}
			})
		}
	}
}

// A config that could not be read is no config of another version.
func TestAPublicationThatCouldNotBeReadIsNotCalledEmpty_B2(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const repo = "acme/hello"
	var config digest.Digest
	t.Run("push", func(t *testing.T) {
		s := registrytest.New(t, registrytest.Dir(dir))
		c := newClient(t, s)
		d := c.blob(repo, []byte(`{"no": "plugin"}`))
		m := plugin(repo, "1.0.0", "")
		m.Annotations, m.Config.MediaType, m.Config.Digest, m.Config.Size = nil, artifact.TypeConfig, d.Digest, d.Size
		c.pushed(repo, "", m)
		config = d.Digest
		if p, err := s.Storage.Publication(t.Context(), repo, version1(t)); err != nil || len(p.Parts) != 0 {
			t.Errorf("what is no plugin: %+v, %v", p, err)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, driver.BlobPath(config)), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := registrytest.New(t, registrytest.Dir(dir))
	if p, err := s.Storage.Publication(t.Context(), repo, version1(t)); err == nil {
		t.Errorf("a config that cannot be read: %+v", p)
	}
}

// Proves B2: a tag that is set to what it meant is looked at all the same: it may
// mean something else meanwhile.
func TestATagThatIsSetAgainIsLookedAt_B2(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]registrytest.Option{"directory": registrytest.Dir(t.TempDir()), "bucket": newBucket(t).on()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := registrytest.New(t, where, registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) {
				o.Replicated, o.Locker = true, storage.NewLocker()
			}))
			c := newClient(t, s)
			one, two := c.pushed("free/x", "tag", image(nil)), c.pushed("free/x", "other", index(nil))
			_, was, err := s.Storage.HeldTag(t.Context(), "free/x", "tag")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Storage.SetTag(t.Context(), "free/x", "tag", one.Digest, was); err != nil {
				t.Errorf("nobody moved it: %v", err)
			}
			if err := s.Storage.SetTag(t.Context(), "free/x", "tag", two.Digest, was); err != nil {
				t.Fatal(err)
			}
			if err := s.Storage.SetTag(t.Context(), "free/x", "tag", one.Digest, was); !errors.Is(err, artifact.ErrConflict) {
				t.Errorf("somebody moved it: %v", err)
			}
		})
	}
}
