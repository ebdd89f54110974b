package gc_test

import (
	"context"
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
	"github.com/oarlock/oarlock/registry/gc"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

const hours = 2 * time.Hour // more than the grace period

// TestWhatIsReachedStaysAndTheRestGoes_B8 builds a small world, looks at it
// with a dry run after the grace period, and runs twice.
func TestWhatIsReachedStaysAndTheRestGoes_B8(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		build  func(x *site) digest.Digest
		stays  bool
		reason string
	}{
		"a version tag keeps its manifest": {func(x *site) digest.Digest {
			return x.push("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0")).Digest
		}, true, `keep: tag "1.0.0" means it`},
		"a manifest keeps its layers": {func(x *site) digest.Digest {
			l := x.blob("acme/hello", "a layer")
			x.push("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", l))
			return l.Digest
		}, true, "keep: part of sha256:"},
		"a digest tag keeps a signature": {func(x *site) digest.Digest {
			v := x.push("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0"))
			return x.push("acme/hello", artifact.DigestTag(v.Digest, "sig"), image("sig", "")).Digest
		}, true, `keep: tag "sha256-`},
		"an index keeps the children of its children": {func(x *site) digest.Digest {
			inner := x.push("free/x", "", image("child", ""))
			mid := x.push("free/x", "", index("mid", inner))
			x.push("free/x", "top", index("top", mid))
			return inner.Digest
		}, true, "keep: part of sha256:"},
		"a subject keeps its referrer": {func(x *site) digest.Digest {
			v := x.push("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0"))
			return x.push("acme/hello", "", image("referrer", v.Digest)).Digest
		}, true, "keep: refers to sha256:"},
		"a referrer keeps its referrer, and that its layer": {func(x *site) digest.Digest {
			v := x.push("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0"))
			one := x.push("acme/hello", "", image("one", v.Digest))
			l := x.blob("acme/hello", "of a referrer")
			x.push("acme/hello", "", image("two", one.Digest, l))
			return l.Digest
		}, true, "keep: part of sha256:"},
		"a child of an index keeps its referrer": {func(x *site) digest.Digest {
			child := x.push("free/x", "", image("child", ""))
			x.push("free/x", "top", index("top", child))
			return x.push("free/x", "", image("referrer", child.Digest)).Digest
		}, true, "keep: refers to sha256:"},
		"a tagged referrer keeps its subject": {func(x *site) digest.Digest {
			s := x.push("free/x", "", image("subject", ""))
			x.push("free/x", "top", image("referrer", s.Digest))
			return s.Digest
		}, true, "keep: subject of sha256:"},
		"another repository keeps the bytes that this one lost": {func(x *site) digest.Digest {
			l := x.blob("free/x", "shared")
			x.blob("acme/hello", "shared")
			x.push("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", l))
			return l.Digest
		}, true, ""},
		"a manifest without a tag goes": {func(x *site) digest.Digest {
			return x.push("acme/hello", "", image("untagged", "")).Digest
		}, false, "remove: no tag, index or referrer reaches it"},
		"a blob without a manifest goes": {func(x *site) digest.Digest {
			return x.blob("acme/hello", "alone").Digest
		}, false, "remove: no tag, index or referrer reaches it"},
		"a referrer without a subject goes": {func(x *site) digest.Digest {
			return x.push("acme/hello", "", image("referrer", digest.FromString("nobody"))).Digest
		}, false, "remove: no tag, index or referrer reaches it"},
		"two that refer to each other's parts go": {func(x *site) digest.Digest {
			s := x.push("free/x", "", image("subject", ""))
			return x.push("free/x", "", index("both", s, x.push("free/x", "", image("referrer", s.Digest)))).Digest
		}, false, "remove: no tag, index or referrer reaches it"},
		"a manifest whose tag moved away goes": {func(x *site) digest.Digest {
			old := x.push("free/x", "top", image("old", ""))
			x.push("free/x", "top", image("new", ""))
			return old.Digest
		}, false, "remove: no tag, index or referrer reaches it"},
		"bytes that a delete left behind go": {func(x *site) digest.Digest {
			d := x.blob("free/x", "deleted")
			x.want(x.send("DELETE", "/v2/free/x/blobs/"+d.Digest.String(), nil, ""), http.StatusAccepted)
			return d.Digest
		}, false, "remove: no link in force leads to it"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newSite(t)
			d := k.build(x)
			x.push("acme/bystander", "1.0.0", plugin("acme/bystander", "1.0.0"))
			x.run(0, true)
			if got := x.reason(d); !strings.HasPrefix(got, "keep: ") {
				t.Errorf("young: %s", got)
			}
			before := files(t, x.dir)
			x.run(hours, true)
			if got := x.reason(d); !strings.HasPrefix(got, k.reason) {
				t.Errorf("old: %s, want %s…", got, k.reason)
			}
			if after := files(t, x.dir); after != before {
				t.Errorf("a dry run changed files:\n%s\n%s", before, after)
			}
			x.run(0, false)
			if !x.stored(d) {
				t.Error("removed by the first run")
			}
			report := x.run(hours, false)
			if x.stored(d) != k.stays {
				t.Errorf("stored %t, want %t: %+v", x.stored(d), k.stays, report)
			}
			if k.stays == (report.BlobsRemoved > 0) && k.reason != "" {
				t.Errorf("report %+v", report)
			}
			if report := x.run(hours, false); report.BlobsRemoved+report.BlobsMarked+report.ManifestsRemoved+report.ManifestsSetAside != 0 {
				t.Errorf("a third run found more: %+v", report)
			}
			x.want(x.get("acme/bystander", "manifests", "1.0.0"), http.StatusOK)
			if err := x.s.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("damage: %v", &d) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// files lists every file below dir with its size.
func files(t *testing.T, dir string) string {
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, fi os.FileInfo, err error) error {
		if err == nil && !fi.IsDir() {
			b.WriteString(strings.TrimPrefix(path, dir) + " " + fi.ModTime().String() + "\n")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWhatWasSetAsideComesBack_B8(t *testing.T) {
	t.Parallel()
	for says, use := range map[string]func(x *site, layer, m ocispec.Descriptor){
		"by a pull": func(x *site, layer, m ocispec.Descriptor) {
			x.want(x.get("free/x", "manifests", m.Digest.String()), http.StatusOK)
			x.want(x.get("free/x", "blobs", layer.Digest.String()), http.StatusOK)
		},
		"by a look and a push": func(x *site, layer, m ocispec.Descriptor) {
			x.want(x.send("HEAD", "/v2/free/x/blobs/"+layer.Digest.String(), nil, ""), http.StatusOK)
			a, _ := x.put("free/x", "again", image("m", "", layer))
			x.want(a, http.StatusCreated)
		},
		"by a look, a run and a push": func(x *site, layer, m ocispec.Descriptor) {
			x.want(x.send("HEAD", "/v2/free/x/manifests/"+m.Digest.String(), nil, ""), http.StatusOK)
			x.run(30*time.Minute, false)
			a, _ := x.put("free/x", "again", index("again", m))
			x.want(a, http.StatusCreated)
		},
		"by a channel": func(x *site, _, m ocispec.Descriptor) {
			if err := x.s.SetChannel(x.t.Context(), "free/x", "stable", m.Digest); err != nil {
				x.t.Fatal(err)
			}
		},
		"by a mount": func(x *site, layer, m ocispec.Descriptor) {
			x.blob("free/y", "{}")
			x.want(x.send("POST", "/v2/free/y/blobs/uploads/?from=free/x&mount="+layer.Digest.String(), nil, ""), http.StatusCreated)
			a, _ := x.put("free/y", "mounted", image("m", "", layer))
			x.want(a, http.StatusCreated)
			x.want(x.get("free/x", "manifests", m.Digest.String()), http.StatusOK)
		},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newSite(t)
			layer := x.blob("free/x", "a layer")
			m := x.push("free/x", "", image("m", "", layer))
			x.run(hours, false)
			if _, err := os.Stat(filepath.Join(x.dir, "docker/registry/v2/repositories/free/x/_manifests/revisions/sha256", m.Digest.Encoded(), "link")); err == nil {
				t.Fatal("was not set aside")
			}
			use(x, layer, m)
			x.run(30*time.Minute, false)
			x.run(30*time.Minute, false) // the sentence is over, had nobody come
			x.want(x.get("free/x", "manifests", m.Digest.String()), http.StatusOK)
			x.want(x.get("free/x", "blobs", layer.Digest.String()), http.StatusOK)
			if err := x.s.Checks.Fsck(t.Context(), func(d driver.Damage) { t.Errorf("damage: %v", &d) }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAnUploadInProgressKeepsWhatCameBeforeIt_B8(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	first := x.blob("acme/hello", "the first layer of a slow push")
	session := x.want(x.send("POST", "/v2/acme/hello/blobs/uploads/", nil, ""), http.StatusAccepted).header.Get("Location")
	for range 3 {
		x.run(hours, false)
	}
	second := "the second layer"
	d := digest.FromString(second)
	sep := "?"
	if strings.Contains(session, "?") {
		sep = "&"
	}
	x.want(x.send("PUT", session+sep+"digest="+d.String(), []byte(second), ""), http.StatusCreated)
	x.want(x.send("HEAD", "/v2/acme/hello/blobs/"+first.Digest.String(), nil, ""), http.StatusOK)
	if !x.stored(first.Digest) {
		t.Error("its bytes are gone")
	}
}

func TestDamageFreezesItsRepositoryAlone_B8(t *testing.T) {
	t.Parallel()
	for says, file := range map[string]func(m, layer digest.Digest) string{
		"a manifest's bytes": func(m, _ digest.Digest) string {
			return "blobs/sha256/" + m.Encoded()[:2] + "/" + m.Encoded() + "/data"
		},
		"a manifest's link": func(m, _ digest.Digest) string {
			return "repositories/free/x/_manifests/revisions/sha256/" + m.Encoded() + "/link"
		},
		"a blob's link": func(_, layer digest.Digest) string {
			return "repositories/free/x/_layers/sha256/" + layer.Encoded() + "/link"
		},
		"a tag": func(_, _ digest.Digest) string { return "repositories/free/x/_manifests/tags/top/current/link" },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newSite(t)
			layer := x.blob("free/x", "a layer")
			m := x.push("free/x", "top", image("m", "", layer))
			alone := x.blob("free/x", "alone").Digest
			other := x.blob("free/y", "garbage elsewhere").Digest
			at := filepath.Join(x.dir, "docker/registry/v2", file(m.Digest, layer.Digest))
			if err := os.WriteFile(at, []byte(`{"schemaVersion":1}`), 0o600); err != nil {
				t.Fatal(err)
			}
			report := x.run(hours, true)
			if len(report.Damaged) == 0 || report.Damaged[0].Repository != "free/x" {
				t.Errorf("damage is not named: %+v", report.Damaged)
			}
			if got := x.reason(alone); !strings.HasPrefix(got, "could_not_tell: the repository is damaged") {
				t.Errorf("dry run says %s", got)
			}
			for range 3 {
				x.run(hours, false)
			}
			if !x.stored(alone) || !x.stored(layer.Digest) || !x.stored(m.Digest) {
				t.Error("something of the damaged repository was removed")
			}
			if x.stored(other) {
				t.Error("garbage of a sound repository stays")
			}
		})
	}
}

func TestPushOfMarkedBytesKeepsThem_B8(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	layer := x.blob("free/x", "marked")
	x.want(x.send("DELETE", "/v2/free/x/blobs/"+layer.Digest.String(), nil, ""), http.StatusAccepted)
	x.run(hours, false)
	sweep := gc.NewSweep(x.s.Storage, x.s.Blocks, x.s)
	if _, _, marked, err := sweep.MarkedSince(t.Context(), layer.Digest); !marked || err != nil {
		t.Fatalf("not marked: %v", err)
	}
	x.push("free/y", "top", image("m", "", x.blob("free/y", "marked")))
	if gone, err := sweep.Remove(t.Context(), layer.Digest); gone || err != nil {
		t.Errorf("removed %t, %v", gone, err)
	}
	x.want(x.get("free/y", "blobs", layer.Digest.String()), http.StatusOK)
}

func TestARunEndsWithItsContextAndGoesOn_B8(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	d := x.blob("free/x", "garbage").Digest
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.gc.Run(ctx, false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
	x.run(hours, false)
	x.run(hours, false)
	if totals := x.gc.Totals(); x.stored(d) || totals.Runs != 3 || totals.Failures != 1 || totals.BlobsRemoved != 1 || totals.BytesFreed != 7 {
		t.Errorf("stored %t, totals %+v", x.stored(d), totals)
	}
}

func TestReadOnlyRegistryTakesADryRunOnly_B8(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	d := x.blob("free/x", "garbage").Digest
	beside := registrytest.New(t, registrytest.Dir(x.dir), registrytest.With(func(o *registrytest.Options) { o.ReadOnly = true }))
	told := false
	c := gc.New(beside.Storage, beside.Blocks, beside, gc.Options{Now: func() time.Time { return x.now.Add(48 * time.Hour) }, Item: func(i gc.Item) {
		told = told || i.Digest == d && i.Decision == gc.Remove && i.Size == 7
	}})
	if _, err := c.Run(t.Context(), true); err != nil || !told {
		t.Errorf("dry run: told %t, %v", told, err)
	}
	if _, err := c.Run(t.Context(), false); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("error %v, want denied", err)
	}
}

func TestStorageWithoutFilesIsCollectedToo_B8(t *testing.T) {
	t.Parallel()
	s := registrytest.New(t, registrytest.InMemory(), registrytest.Free("free"))
	now := time.Now()
	x := &site{client: newClient(t, s.Registry)}
	c := gc.New(s.Storage, s.Blocks, s, gc.Options{Grace: time.Hour, Now: func() time.Time { now = now.Add(hours); return now }})
	layer := x.blob("free/x", "a layer")
	kept := x.push("free/x", "top", image("kept", "", layer))
	lost := x.push("free/x", "", image("lost", ""))
	if _, err := c.Run(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	report, err := c.Run(t.Context(), false)
	if err != nil || report.ManifestsRemoved != 1 || report.BlobsRemoved != 1 || report.BytesFreed != lost.Size {
		t.Errorf("report %+v, %v; the lost manifest has %d bytes", report, err, lost.Size)
	}
	x.want(x.get("free/x", "manifests", lost.Digest.String()), http.StatusNotFound)
	x.want(x.get("free/x", "manifests", kept.Digest.String()), http.StatusOK)
	x.want(x.get("free/x", "blobs", layer.Digest.String()), http.StatusOK)
}

// TestReadOnlyBringsNothingBack_B8: a tool that looks changes nothing, and
// still sees what a reader of the server would.
func TestReadOnlyBringsNothingBack_B8(t *testing.T) {
	t.Parallel()
	x := newSite(t)
	layer := x.blob("free/x", "layer")
	m := x.push("free/x", "", image("untagged", "", layer))
	x.run(hours, false)
	before := files(t, x.dir)
	if !strings.Contains(before, "/oarlock/gc/links/") {
		t.Fatal("nothing was set aside")
	}
	look, err := registrytest.Open(t.Context(), registrytest.Dir(x.dir), func(o *registrytest.Options) { o.ReadOnly = true })
	if err != nil {
		t.Fatal(err)
	}
	defer look.Close()
	if _, _, err := look.Storage.Manifest(t.Context(), "free/x", m.Digest); err != nil {
		t.Error(err)
	}
	if content, err := look.Storage.Blob(t.Context(), "free/x", layer.Digest, 100); err != nil || string(content) != "layer" {
		t.Errorf("%q, %v", content, err)
	}
	if after := files(t, x.dir); after != before {
		t.Errorf("looking changed files:\n%s\n%s", before, after)
	}
}
