package registry_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/block"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage"
)

// blockable is a repository with a version for one platform: an index with a
// child of two layers, one of which another version holds too, and a signature.
type blockable struct {
	*client
	s                           *registrytest.Server
	index, child, sig, other    ocispec.Descriptor
	only, shared, large, sigged ocispec.Descriptor
}

func newBlockable(t *testing.T, options ...registrytest.Option) *blockable {
	s := registrytest.New(t, options...)
	x := &blockable{client: newClient(t, s), s: s}
	x.fill("acme/hello")
	return x
}

func (x *blockable) fill(repo string) {
	x.t.Helper()
	x.only, x.shared = x.blob(repo, []byte("only in 1.0.0")), x.blob(repo, []byte("in both"))
	x.large, x.sigged = x.blob(repo, []byte(strings.Repeat("large", 40<<10))), x.blob(repo, []byte("a signature"))
	child := plugin(repo, "1.0.0", "")
	child.Layers = []ocispec.Descriptor{x.only, x.shared, x.large}
	x.child = x.pushed(repo, "", child)
	x.child.Platform = &ocispec.Platform{OS: "linux", Architecture: "amd64"}
	x.index = x.pushed(repo, "1.0.0", index(func(i *ocispec.Index) {
		i.ArtifactType, i.Annotations = artifact.TypePlugin, child.Annotations
	}, x.child))
	x.sig = x.pushed(repo, "", image(withSubject(x.index.Digest), x.sigged))
	other := plugin(repo, "1.1.0", "")
	other.Layers = []ocispec.Descriptor{x.shared}
	x.other = x.pushed(repo, "1.1.0", other)
}

func (x *blockable) block(b block.Block) {
	x.t.Helper()
	if _, err := x.s.Blocks.Block(x.t.Context(), b); err != nil {
		x.t.Fatal(err)
	}
}

// reads are all ways to what a block of the version shall close, and to what
// it shall leave open.
func (x *blockable) reads() (closed, open []string) {
	base := "/v2/acme/hello/"
	closed = []string{base + "manifests/1.0.0", base + "manifests/" + x.index.Digest.String(), base + "manifests/" + x.child.Digest.String(),
		base + "blobs/" + x.only.Digest.String(), base + "blobs/" + x.large.Digest.String()}
	open = []string{base + "manifests/1.1.0", base + "manifests/" + x.other.Digest.String(), base + "blobs/" + x.shared.Digest.String(),
		base + "manifests/" + x.sig.Digest.String(), base + "blobs/" + x.sigged.Digest.String(), base + "blobs/" + digest.FromBytes(emptyConfig).String(),
		base + "tags/list", base + "referrers/" + x.index.Digest.String()}
	return closed, open
}

func (x *blockable) check(closed, open []string) {
	x.t.Helper()
	for _, path := range closed {
		text := x.refused(x.send("GET", path, nil), http.StatusForbidden, "DENIED")
		if !strings.Contains(text, "emergency_removed") || !strings.Contains(text, "steals keys") {
			x.t.Errorf("%s does not say code and reason: %s", path, text)
		}
		for _, header := range [][2]string{{"Range", "bytes=0-1"}, {"If-None-Match", `"` + path[strings.LastIndexByte(path, '/')+1:] + `"`}} {
			x.want(x.send("GET", path, nil, header[0], header[1]), http.StatusForbidden)
		}
		x.want(x.send("HEAD", path, nil), http.StatusForbidden, http.StatusNotFound)
	}
	for _, path := range open {
		x.want(x.send("GET", path, nil), http.StatusOK)
		x.want(x.send("HEAD", path, nil), http.StatusOK)
	}
}

func TestABlockedVersionCannotBePulledAndItsRecordStays_B11(t *testing.T) {
	t.Parallel()
	x := newBlockable(t)
	closed, open := x.reads()
	x.check(nil, append(closed, open...)) // all of it is cached from here on
	v := block.Block{Repository: "acme/hello", Digest: x.index.Digest, Tag: "1.0.0", Code: "emergency_removed", Reason: "steals keys", By: "admin:ada"}
	x.block(v)
	x.check(closed, open)

	var body struct {
		Errors []struct{ Detail map[string]string }
	}
	a := x.get("acme/hello", "manifests", x.child.Digest.String())
	if err := json.Unmarshal(a.body, &body); err != nil || body.Errors[0].Detail["code"] != "emergency_removed" || body.Errors[0].Detail["blocked"] != x.index.Digest.String() {
		t.Errorf("detail %s, %v", a.body, err)
	}
	if _, content, err := x.s.Storage.Manifest(t.Context(), "acme/hello", x.index.Digest); err != nil || len(content) == 0 {
		t.Errorf("the process cannot read the record: %v", err)
	}
	list, err := x.s.Blocks.Blocked(t.Context())
	if err != nil || len(list) != 1 || list[0].Reason != "steals keys" || list[0].At.IsZero() || len(list[0].Covers) != 5 {
		t.Errorf("blocked: %+v, %v", list, err)
	}
	mount := x.send("POST", "/v2/acme/copy/blobs/uploads/?from=acme/hello&mount="+x.only.Digest.String(), nil)
	x.want(mount, http.StatusAccepted) // an upload session, no mount

	if err := x.s.Blocks.Unblock(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	x.check(nil, append(closed, open...))
	if err := x.s.Blocks.Unblock(t.Context(), v); !errors.Is(err, artifact.ErrNotFound) {
		t.Errorf("unblocked twice: %v", err)
	}
}

func TestAVersionThatSharesWithABlockedOneIsPublishedAndRead_B11(t *testing.T) {
	t.Parallel()
	x := newBlockable(t)
	x.block(block.Block{Repository: "acme/hello", Digest: x.index.Digest})
	x.want(x.get("acme/hello", "blobs", x.only.Digest.String()), http.StatusForbidden)
	x.want(x.send("HEAD", "/v2/acme/hello/blobs/"+x.only.Digest.String(), nil), http.StatusNotFound)
	x.blob("acme/hello", []byte("only in 1.0.0"))
	fixed := plugin("acme/hello", "1.2.0", "")
	fixed.Layers = []ocispec.Descriptor{x.only}
	x.pushed("acme/hello", "1.2.0", fixed)
	x.want(x.get("acme/hello", "blobs", x.only.Digest.String()), http.StatusOK)
	x.want(x.get("acme/hello", "blobs", x.large.Digest.String()), http.StatusForbidden)
}

func TestADigestIsBlockedEverywhereAndARepositoryWhole_B11(t *testing.T) {
	t.Parallel()
	x := newBlockable(t)
	twin := plugin("acme/twin", "1.0.0", "")
	x.blob("acme/twin", []byte("only in 1.0.0"))
	twin.Layers = []ocispec.Descriptor{x.only}
	x.pushed("acme/twin", "1.0.0", twin)

	x.block(block.Block{Digest: x.only.Digest, Code: "emergency_removed", Reason: "steals keys"})
	for _, repo := range []string{"acme/hello", "acme/twin"} {
		x.refused(x.get(repo, "blobs", x.only.Digest.String()), http.StatusForbidden, "DENIED")
		x.want(x.get(repo, "manifests", "1.0.0"), http.StatusOK)
	}

	x.block(block.Block{Repository: "acme/hello", Code: "emergency_removed", Reason: "steals keys"})
	closed, open := x.reads()
	x.check(append(closed, open[:3]...), open[3:])
	x.want(x.get("acme/twin", "manifests", "1.0.0"), http.StatusOK)
}

func TestBlocksOutliveRestartAndDamage_B11(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	x := newBlockable(t, registrytest.Dir(dir))
	b, err := x.s.Blocks.Block(t.Context(), block.Block{Repository: "acme/hello", Digest: x.index.Digest, Code: "emergency_removed", Reason: "steals keys"})
	if err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	a := newClient(t, again)
	a.refused(a.get("acme/hello", "manifests", "1.0.0"), http.StatusForbidden, "DENIED")
	at := filepath.Join(dir, "oarlock/blocks/acme/hello/_block/sha256-"+b.Digest.Encoded())
	if err := os.WriteFile(at, []byte(`{"repo`), 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := open(t, dir)
	c := newClient(t, damaged)
	for _, path := range []string{"manifests/1.0.0", "manifests/" + x.child.Digest.String(), "blobs/" + x.large.Digest.String()} {
		c.refused(c.send("GET", "/v2/acme/hello/"+path, nil), http.StatusForbidden, "DENIED")
	}
}

// open opens a directory that another registry of the test holds.
func open(t *testing.T, dir string) *registrytest.Server {
	return registrytest.New(t, registrytest.Dir(dir), registrytest.With(func(o *registrytest.Options) { o.ReadOnly = true }))
}

func TestBlocksNameSomething_B11(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t)
	for says, b := range map[string]block.Block{
		"nothing":              {},
		"no repository":        {Repository: "Acme/../x"},
		"no digest":            {Repository: "acme/hello", Digest: "sha256:x"},
		"a name for the bytes": {Digest: digest.SHA512.FromString("x")},
	} {
		if _, err := s.Blocks.Block(t.Context(), b); !errors.Is(err, artifact.ErrInvalid) {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// TestABlockHoldsAtEveryReplicaWithinASecond_B11 measures the time until the
// other replica refuses, while it serves from its caches.
func TestABlockHoldsAtEveryReplicaWithinASecond_B11(t *testing.T) {
	t.Parallel()
	checkBlocksSpread(t, registrytest.Dir(t.TempDir()))
}

func TestABlockHoldsAtEveryReplicaWithinASecondOverS3_B11(t *testing.T) {
	t.Parallel()
	checkBlocksSpread(t, onS3(t))
}

func checkBlocksSpread(t *testing.T, where registrytest.Option) {
	locker := storage.NewLocker()
	replica := registrytest.With(func(o *registrytest.Options) { o.Replicated, o.Locker = true, locker })
	x := newBlockable(t, where, replica)
	other := newClient(t, registrytest.New(t, where, replica))
	closed, _ := x.reads()
	for range 3 {
		for _, path := range closed {
			other.want(other.send("GET", path, nil), http.StatusOK)
		}
		b := block.Block{Repository: "acme/hello", Digest: x.index.Digest}
		x.block(b)
		began := time.Now()
		for _, path := range closed {
			x.want(x.send("GET", path, nil), http.StatusForbidden)
			for other.send("GET", path, nil).status != http.StatusForbidden {
				if time.Since(began) > time.Second {
					t.Fatalf("%s is read for more than a second", path)
				}
			}
		}
		t.Logf("refused everywhere after %s", time.Since(began))
		if err := x.s.Blocks.Unblock(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		for lifted := time.Now(); other.send("GET", closed[0], nil).status != http.StatusOK; {
			if time.Since(lifted) > time.Second {
				t.Fatal("still refused a second after it was lifted")
			}
		}
	}
}

// Proves B11: whoever publishes cannot open what is blocked as a whole, by
// nothing that speaks about it and that was pushed before or after the block.
func TestNothingThatSpeaksOpensAWhollyBlockedRepository_B11(t *testing.T) {
	t.Parallel()
	x := newBlockable(t)
	const repo = "acme/hello"
	note := func(layers ...ocispec.Descriptor) ocispec.Manifest {
		return image(withSubject(x.index.Digest), layers...)
	}
	before := x.pushed(repo, "", note(x.only, x.large))
	signs := strings.Replace(x.other.Digest.String(), ":", "-", 1)
	x.pushed(repo, signs+".sig", image(nil, x.only))
	list := x.pushed(repo, signs, index(nil, x.child))
	x.pushed(repo, strings.Replace(x.index.Digest.String(), ":", "-", 1), x.get(repo, "manifests", "1.0.0").body)

	x.block(block.Block{Repository: repo, Code: "emergency_removed", Reason: "steals keys"})
	for _, d := range []digest.Digest{x.only.Digest, x.shared.Digest, x.large.Digest} {
		x.refused(x.get(repo, "blobs", d.String()), http.StatusForbidden, "DENIED")
	}
	for _, ref := range []string{"1.0.0", "1.1.0", x.child.Digest.String(), x.index.Digest.String()} {
		x.refused(x.get(repo, "manifests", ref), http.StatusForbidden, "DENIED")
	}
	for _, ref := range []string{x.sig.Digest.String(), before.Digest.String(), list.Digest.String(), signs + ".sig"} {
		x.want(x.get(repo, "manifests", ref), http.StatusOK)
	}
	x.want(x.get(repo, "blobs", x.sigged.Digest.String()), http.StatusOK)

	a, _ := x.put(repo, "", note(x.shared))
	if text := x.refused(a, http.StatusForbidden, "DENIED"); !strings.Contains(text, "steals keys") {
		t.Errorf("the refusal gives no reason: %s", text)
	}
	x.refused(x.send("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusForbidden, "DENIED")
}
