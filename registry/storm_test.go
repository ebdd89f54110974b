package registry_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// TestStormLeavesNothingDangling pushes, tags, deletes and lists at once, and
// then asks that every tag means a manifest and every link holds.
func TestStormLeavesNothingDangling(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"))
	c := newClient(t, s)
	c.blob("free/x", emptyConfig)
	var contents [][]byte
	for i := range 6 {
		contents = append(contents, encode(t, image(func(m *ocispec.Manifest) {
			if i > 0 {
				withSubject(digest.FromBytes(contents[i-1]))(m)
			}
			m.Annotations = map[string]string{"n": fmt.Sprint(i)}
		})))
	}
	var workers sync.WaitGroup
	for w := range 8 {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range 150 {
				content := contents[r.IntN(len(contents))]
				d, tag := digest.FromBytes(content), fmt.Sprintf("t%d", r.IntN(4))
				method, path := "GET", "/manifests/"+tag
				switch r.IntN(7) {
				case 0, 1, 2:
					method = "PUT"
				case 3:
					method, path = "DELETE", "/manifests/"+d.String()
				case 4:
					method = "DELETE"
				case 5:
					path = "/referrers/" + d.String()
				case 6:
					path = "/tags/list?n=2"
				}
				a, err := c.try(method, "/v2/free/x"+path, content, "Content-Type", ocispec.MediaTypeImageManifest)
				if err != nil || a.status >= 500 {
					t.Errorf("%s %s: %d, %v: %s", method, path, a.status, err, a.body)
				}
			}
		})
	}
	workers.Wait()
	if err := s.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("damage: %v", &d) }); err != nil {
		t.Fatal(err)
	}
	err := s.Storage.Tags(t.Context(), "free/x", func(tag string, d digest.Digest) error {
		_, _, err := s.Storage.Manifest(t.Context(), "free/x", d)
		return err
	})
	if err != nil {
		t.Error(err)
	}
	for _, content := range contents {
		list, err := s.Storage.Referrers(t.Context(), "free/x", digest.FromBytes(content))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			if _, _, err := s.Storage.Manifest(t.Context(), "free/x", d.Digest); err != nil {
				t.Errorf("referrer: %v", err)
			}
		}
	}
}

// witness writes down which locks are taken.
type witness struct {
	storage.Locker
	mu    sync.Mutex
	taken []string
}

func (w *witness) Lock(ctx context.Context, key string, shared bool) (func(), error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taken = append(w.taken, fmt.Sprintf("%s shared=%t", key, shared))
	return w.Locker.Lock(ctx, key, shared)
}

func TestPushesShareARepositoryAndDeletesHaveItAlone(t *testing.T) {
	t.Parallel()
	w := &witness{Locker: storage.NewLocker()}
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"), registrytest.With(func(o *registrytest.Options) { o.Locker = w }))
	c := newClient(t, s)
	took := func(says string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, w.taken); diff != "" {
			t.Errorf("%s (-want +got):\n%s", says, diff)
		}
		w.taken = nil
	}
	b := c.blob("free/x", emptyConfig)
	w.taken = nil
	_, d := c.put("free/x", "one", image(nil))
	took("a push", "repository/free/x shared=true", "tag/free/x:one shared=false")
	c.want(c.send("DELETE", "/v2/free/x/manifests/"+d.Digest.String(), nil), http.StatusAccepted)
	took("a delete of a manifest", "repository/free/x shared=false")
	c.want(c.send("DELETE", "/v2/free/x/blobs/"+b.Digest.String(), nil), http.StatusAccepted)
	took("a delete of a blob", "repository/free/x shared=false")
}

// blocked refuses to show some digests.
type blocked map[digest.Digest]error

func (blocked) Admit(context.Context, registry.Access) error { return nil }

func (b blocked) AdmitContent(_ context.Context, _ registry.Access, d digest.Digest) error {
	return b[d]
}

func TestBlockedContentIsNotServed_B11(t *testing.T) {
	t.Parallel()
	rule := blocked{}
	s := registrytest.New(t, registrytest.InMemory(), registrytest.With(func(o *registrytest.Options) { o.Admitter, o.Contents = rule, rule }))
	c := newClient(t, s)
	layer := c.blob("acme/hello", []byte("the plugin"))
	m := plugin("acme/hello", "1.0.0", "")
	m.Layers = []ocispec.Descriptor{layer}
	d := c.pushed("acme/hello", "1.0.0", m)
	paths := []string{"/manifests/1.0.0", "/manifests/" + d.Digest.String(), "/blobs/" + layer.Digest.String()}
	for _, path := range paths {
		c.want(c.send("GET", "/v2/acme/hello"+path, nil), http.StatusOK)
	}
	rule[d.Digest] = fmt.Errorf("acme/hello 1.0.0 was removed in an emergency: %w", artifact.ErrDenied)
	rule[layer.Digest] = errors.New("the list of what is blocked is away")
	for _, path := range paths[:2] {
		if text := c.refused(c.send("GET", "/v2/acme/hello"+path, nil), http.StatusForbidden, "DENIED"); !strings.Contains(text, "emergency") {
			t.Errorf("%s: the reason is not told: %s", path, text)
		}
		c.want(c.send("HEAD", "/v2/acme/hello"+path, nil), http.StatusForbidden)
	}
	c.refused(c.send("GET", "/v2/acme/hello"+paths[2], nil), http.StatusServiceUnavailable, "UNAVAILABLE")
	mount := "/v2/acme/other/blobs/uploads/?mount=" + layer.Digest.String() + "&from=acme/hello"
	c.want(c.send("POST", mount, nil), http.StatusAccepted)
}
