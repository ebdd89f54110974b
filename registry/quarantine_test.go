package registry_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// large is more than is held in memory.
var large = bytes.Repeat([]byte("an oar and a lock "), 20_000)

// damages are what can happen to a file on a disk.
var damages = map[string]func(t *testing.T, path string){
	"a byte flipped": func(t *testing.T, path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 1
		rewrite(t, path, content)
	},
	"the last byte flipped": func(t *testing.T, path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)-1] ^= 0x80
		rewrite(t, path, content)
	},
	"truncated": func(t *testing.T, path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, content[:len(content)/3])
	},
	"grown": func(t *testing.T, path string) {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, append(content, 'x'))
	},
	"emptied": func(t *testing.T, path string) { rewrite(t, path, nil) },
}

func rewrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// keep is a registry on disk, with or without memory, with a version whose
// layers are a small and a large blob.
func newKept(t *testing.T, cache int64, options ...func(*registrytest.Options)) *stored {
	dir := t.TempDir()
	s := registrytest.New(t, registrytest.Dir(dir), registrytest.With(func(o *registrytest.Options) {
		o.CacheBytes = cache
		for _, set := range options {
			set(o)
		}
	}))
	x := &stored{c: newClient(t, s), s: s, dir: dir}
	x.layer = x.c.blob("acme/hello", large)
	m := plugin("acme/hello", "1.0.0", "")
	m.Layers = []ocispec.Descriptor{x.layer, x.c.blob("acme/hello", []byte("small"))}
	x.version = x.c.pushed("acme/hello", "1.0.0", m)
	return x
}

func (x *stored) at(d digest.Digest) string { return filepath.Join(x.dir, x.data(d)) }

// whole reports whether an answer that claims success holds all of d.
func whole(a answer, err error, d digest.Digest) bool {
	return err == nil && (a.status == http.StatusOK || a.status == http.StatusPartialContent) && digest.FromBytes(a.body) == d
}

func TestDamagedBytesAreNeverServedWholeAndMendedByAPush_B12(t *testing.T) {
	t.Parallel()
	small := digest.FromString("small")
	for says, damage := range damages {
		for kind, d := range map[string]digest.Digest{"large": digest.FromBytes(large), "small": small} {
			t.Run(says+" in a "+kind+" blob", func(t *testing.T) {
				t.Parallel()
				x := newKept(t, -1)
				path := "/v2/acme/hello/blobs/" + d.String()
				x.c.want(x.c.send("GET", path, nil), http.StatusOK) // seen to be good
				damage(t, x.at(d))
				if a, err := x.c.try("GET", path, nil); err == nil && a.status == http.StatusOK {
					t.Errorf("the first read got %d bytes with %s", len(a.body), digest.FromBytes(a.body))
				}
				text := x.c.refused(x.c.send("GET", path, nil), http.StatusInternalServerError, "UNKNOWN")
				if !strings.Contains(text, "damaged") || !strings.Contains(text, "quarantined") {
					t.Errorf("the refusal does not say why: %s", text)
				}
				x.c.want(x.c.send("GET", path, nil, "Range", "bytes=0-0"), http.StatusInternalServerError)
				x.c.want(x.c.send("HEAD", path, nil), http.StatusNotFound)
				x.c.want(x.c.send("POST", "/v2/acme/copy/blobs/uploads/?from=acme/hello&mount="+d.String(), nil), http.StatusAccepted)
				if list, err := x.s.Storage.Quarantined(t.Context()); err != nil || len(list) != 1 || list[0].Digest != d {
					t.Errorf("quarantined: %+v, %v", list, err)
				}
				content := large
				if kind == "small" {
					content = []byte("small")
				}
				x.c.blob("acme/hello", content)
				if a, err := x.c.try("GET", path, nil); !whole(a, err, d) {
					t.Errorf("after the push: status %d, %v", a.status, err)
				}
				if list, err := x.s.Storage.Quarantined(t.Context()); err != nil || len(list) != 0 {
					t.Errorf("quarantined still: %+v, %v", list, err)
				}
				if found := x.fsck(t); len(found) != 0 {
					t.Errorf("damage after: %+v", found)
				}
			})
		}
	}
}

func TestAPushReplacesDamageThatNobodySaw_B12(t *testing.T) {
	t.Parallel()
	for says, damage := range damages {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newKept(t, 0)
			damage(t, x.at(x.layer.Digest))
			x.c.blob("acme/hello", large)
			a, err := x.c.try("GET", "/v2/acme/hello/blobs/"+x.layer.Digest.String(), nil)
			if !whole(a, err, x.layer.Digest) {
				t.Errorf("status %d, %v", a.status, err)
			}
		})
	}
}

func TestAPartOfDamagedBytesIsNotServed_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, 0)
	damages["the last byte flipped"](t, x.at(x.layer.Digest))
	path := "/v2/acme/hello/blobs/" + x.layer.Digest.String()
	x.c.refused(x.c.send("GET", path, nil, "Range", "bytes=0-9"), http.StatusInternalServerError, "UNKNOWN")
	x.c.want(x.c.send("HEAD", path, nil), http.StatusNotFound)
}

func TestADamagedManifestIsSetAside_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, -1)
	damages["a byte flipped"](t, x.at(x.version.Digest))
	x.c.want(x.c.get("acme/hello", "manifests", "1.0.0"), http.StatusInternalServerError)
	x.c.want(x.c.send("HEAD", "/v2/acme/hello/manifests/"+x.version.Digest.String(), nil), http.StatusNotFound)
	_, _, err := x.s.Storage.Manifest(t.Context(), "acme/hello", x.version.Digest)
	var damage *driver.Damage
	if !errors.As(err, &damage) || damage.Kind != driver.Quarantined || !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("%v", err)
	}
	if f := x.s.Storage.Faults(); f.Now != 1 || f.Quarantined != 1 || f.Found == 0 {
		t.Errorf("faults %+v", f)
	}
}

func TestWhatIsInMemoryMendsTheDisk_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, 0)
	x.c.want(x.c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	damages["a byte flipped"](t, x.at(x.version.Digest))
	state, err := x.s.Checks.Scrub(t.Context(), integrity.ScrubOptions{})
	if err != nil || state.Damaged != 1 || state.Mended != 1 || state.Found[0].Mended != "from memory" {
		t.Errorf("%+v, %v", state, err)
	}
	if found := x.fsck(t); len(found) != 0 {
		t.Errorf("damage after: %+v", found)
	}
}

// TestReplicasLearnWhatIsInQuarantine_B12: what one replica found damaged is in
// quarantine at the other, and what good bytes ended at one is over at both.
func TestReplicasLearnWhatIsInQuarantine_B12(t *testing.T) {
	t.Parallel()
	var told atomic.Int32
	locks := storage.NewLocker()
	replicated := func(o *registrytest.Options) {
		o.Replicated, o.Locker, o.Withholds = true, locks, func(string) { told.Add(1) }
	}
	x := newKept(t, -1, replicated)
	other := registrytest.New(t, registrytest.Dir(x.dir), registrytest.With(replicated), registrytest.With(func(o *registrytest.Options) { o.CacheBytes = -1 }))
	c, d := newClient(t, other), x.layer.Digest
	path := "/v2/acme/hello/blobs/" + d.String()
	learn := func(s *storage.Storage, want bool, news bool) {
		t.Helper()
		before := told.Load()
		if err := s.LearnQuarantine(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.IsQuarantined(d); got != want {
			t.Errorf("known to be in quarantine: %t, want %t", got, want)
		}
		if got := told.Load() > before; got != news {
			t.Errorf("told that something changed: %t, want %t", got, news)
		}
	}
	for _, known := range []bool{true, false} { // where good bytes come to
		damages["the last byte flipped"](t, x.at(d))
		if a, err := x.c.try("GET", path, nil); whole(a, err, d) { // the read that finds it
			t.Error("damaged bytes were served")
		}
		x.c.want(x.c.send("GET", path, nil), http.StatusInternalServerError)
		if known {
			learn(other.Storage, true, true)
			learn(other.Storage, true, false)
		}
		c.blob("acme/hello", large)
		if known {
			learn(other.Storage, false, false) // the push ended it, and told
		} else {
			learn(other.Storage, false, true)
		}
		learn(x.s.Storage, false, true)
		learn(x.s.Storage, false, false)
		if list, err := other.Storage.Quarantined(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("in quarantine still: %+v, %v", list, err)
		}
		x.c.want(x.c.send("GET", path, nil), http.StatusOK)
	}
}

// A process that was killed between the record and the move leaves damaged
// bytes in their place, and one killed after good ones came a record too many.
func TestAKilledQuarantineIsFinishedAtTheStart_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, -1)
	damages["truncated"](t, x.at(x.layer.Digest))
	for _, d := range []digest.Digest{x.layer.Digest, x.version.Digest} {
		dir := filepath.Join(x.dir, "oarlock/quarantine/sha256", d.Encoded())
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		rewrite(t, filepath.Join(dir, "why"), []byte(`{"digest":"`+d.String()+`","what":"test"`)) // cut
	}
	again := registrytest.New(t, registrytest.Dir(x.dir), registrytest.With(func(o *registrytest.Options) {
		o.Replicated, o.Locker = true, storage.NewLocker() // beside the one that is open
	}))
	list, err := again.Storage.Quarantined(t.Context())
	if err != nil || len(list) != 1 || list[0].Digest != x.layer.Digest || !strings.Contains(list[0].What, "have digest") {
		t.Errorf("%+v, %v", list, err)
	}
	c := newClient(t, again)
	c.want(c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	c.want(c.get("acme/hello", "blobs", x.layer.Digest.String()), http.StatusInternalServerError)
}

// mirror is an Origin over another registry, or one that lies.
type mirror struct {
	c    *client
	lies bool
}

func (m mirror) Name() string { return "mirror" }

func (m mirror) Fetch(_ context.Context, repo string, kind driver.LinkKind, d digest.Digest) (io.ReadCloser, error) {
	what := "blobs"
	if kind == driver.ManifestLink {
		what = "manifests"
	}
	a, err := m.c.try("GET", "/v2/"+repo+"/"+what+"/"+d.String(), nil)
	if err != nil || a.status != http.StatusOK {
		return nil, errors.Join(err, artifact.ErrNotFound)
	}
	if m.lies {
		a.body[0] ^= 1
	}
	return io.NopCloser(bytes.NewReader(a.body)), nil
}

// TestDamageOverS3IsSetAsideAndMended_B12 damages the object behind the
// back of the server that keeps the bucket.
func TestDamageOverS3IsSetAsideAndMended_B12(t *testing.T) {
	t.Parallel()
	where := onS3(t)
	dir := os.Getenv("OARLOCK_TEST_S3_DIR")
	if dir == "" {
		t.Skip("OARLOCK_TEST_S3_DIR is not set: where the objects lie is not known")
	}
	s := registrytest.New(t, where)
	c := newClient(t, s)
	content := append([]byte(rand.Text()), large...)
	d := c.blob("acme/hello", content).Digest
	object := ""
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, d.Encoded()+"/data") {
			object = path
		}
		return nil
	})
	if err != nil || object == "" {
		t.Fatalf("object %q, %v", object, err)
	}
	path := "/v2/acme/hello/blobs/" + d.String()
	if a, err := c.try("GET", path, nil); !whole(a, err, d) {
		t.Fatalf("status %d, %v", a.status, err)
	}
	damages["a byte flipped"](t, object)
	if a, err := c.try("GET", path, nil); err == nil && a.status == http.StatusOK {
		t.Errorf("served %d bytes", len(a.body))
	}
	c.want(c.send("HEAD", path, nil), http.StatusNotFound)
	c.refused(c.send("GET", path, nil), http.StatusInternalServerError, "UNKNOWN")
	c.blob("acme/hello", content)
	if a, err := c.try("GET", path, nil); !whole(a, err, d) {
		t.Errorf("after the push: status %d, %v", a.status, err)
	}
	damages["truncated"](t, object)
	state, err := s.Checks.Scrub(t.Context(), integrity.ScrubOptions{})
	if err != nil || state.Damaged != 1 {
		t.Errorf("%+v, %v", state, err)
	}
}
