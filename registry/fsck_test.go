package registry_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// stored is a registry on disk with a plugin of one layer, a referrer of it,
// and another plugin that no damage may touch.
type stored struct {
	c          *client
	s          *registrytest.Server
	dir        string
	layer      ocispec.Descriptor
	version    ocispec.Descriptor
	referrer   ocispec.Descriptor
	referrerAt string
}

func newStored(t *testing.T) *stored {
	dir := t.TempDir()
	return storedIn(t, dir, registrytest.Dir(dir))
}

// storedIn is one kept as keep says; dir is "" where that is no directory.
func storedIn(t *testing.T, dir string, keep registrytest.Option) *stored {
	t.Helper()
	s := registrytest.New(t, keep, registrytest.With(func(o *registrytest.Options) { o.CacheBytes = -1 }))
	x := &stored{c: newClient(t, s), s: s, dir: dir}
	x.layer = x.c.blob("acme/hello", []byte("the plugin's bytes"))
	m := plugin("acme/hello", "1.0.0", "")
	m.Layers = []ocispec.Descriptor{x.layer}
	x.version = x.c.pushed("acme/hello", "1.0.0", m)
	x.referrer = x.c.refer("acme/hello", x.version.Digest, "application/a", "1")
	x.referrerAt = "oarlock/referrers/acme/hello/_subject/sha256/" + x.version.Digest.Encoded() + "/sha256-" + x.referrer.Digest.Encoded()
	x.c.pushed("acme/other", "1.0.0", plugin("acme/other", "1.0.0", ""))
	return x
}

func (x *stored) data(d digest.Digest) string {
	return "docker/registry/v2/blobs/sha256/" + d.Encoded()[:2] + "/" + d.Encoded() + "/data"
}

func (x *stored) link(rest string) string {
	return "docker/registry/v2/repositories/acme/hello/" + rest + "/link"
}

func (x *stored) fsck(t *testing.T) []driver.Damage {
	t.Helper()
	var found []driver.Damage
	if err := x.s.Checks.Fsck(t.Context(), func(d driver.Damage) { found = append(found, d) }); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestDamageIsNamedAndTheRestServes(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		file   func(x *stored) string
		remove bool
		digest func(x *stored) digest.Digest
		tag    string
		what   string
	}{
		"a blob's bytes changed":      {func(x *stored) string { return x.data(x.layer.Digest) }, false, func(x *stored) digest.Digest { return x.layer.Digest }, "", "have digest"},
		"a blob's bytes are gone":     {func(x *stored) string { return x.data(x.layer.Digest) }, true, func(x *stored) digest.Digest { return x.layer.Digest }, "", "missing"},
		"a blob's link changed":       {func(x *stored) string { return x.link("_layers/sha256/" + x.layer.Digest.Encoded()) }, false, func(x *stored) digest.Digest { return x.layer.Digest }, "", "is a link with content"},
		"a blob's link is gone":       {func(x *stored) string { return x.link("_layers/sha256/" + x.layer.Digest.Encoded()) }, true, func(x *stored) digest.Digest { return x.version.Digest }, "", "not in the repository"},
		"a manifest's bytes changed":  {func(x *stored) string { return x.data(x.version.Digest) }, false, func(x *stored) digest.Digest { return x.version.Digest }, "", "have digest"},
		"a manifest's bytes are gone": {func(x *stored) string { return x.data(x.version.Digest) }, true, func(x *stored) digest.Digest { return x.version.Digest }, "", "missing"},
		"a manifest's link changed":   {func(x *stored) string { return x.link("_manifests/revisions/sha256/" + x.version.Digest.Encoded()) }, false, func(x *stored) digest.Digest { return x.version.Digest }, "", "is a link with content"},
		"a manifest's link is gone":   {func(x *stored) string { return x.link("_manifests/revisions/sha256/" + x.version.Digest.Encoded()) }, true, func(x *stored) digest.Digest { return x.version.Digest }, "1.0.0", "not in the repository"},
		"a tag changed":               {func(x *stored) string { return x.link("_manifests/tags/1.0.0/current") }, false, func(*stored) digest.Digest { return "" }, "1.0.0", "is a link with content"},
		"a referrer link changed":     {func(x *stored) string { return x.referrerAt }, false, func(x *stored) digest.Digest { return x.referrer.Digest }, "", "no descriptor"},
		"a referrer link is gone":     {func(x *stored) string { return x.referrerAt }, true, func(x *stored) digest.Digest { return x.referrer.Digest }, "", "referrer link"},
		"a repository's mark is gone": {func(*stored) string { return "oarlock/repositories/acme/hello/_repository" }, true, func(*stored) digest.Digest { return "" }, "", "list of repositories"},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newStored(t)
			if found := x.fsck(t); len(found) != 0 {
				t.Fatalf("damage before: %+v", found)
			}
			at := filepath.Join(x.dir, k.file(x))
			if k.remove {
				if err := os.Remove(at); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(at, []byte(`{"schemaVersion":2,"damaged":true}`), 0o600); err != nil {
				t.Fatal(err)
			}
			hit := false
			found := x.fsck(t)
			for _, d := range found {
				hit = hit || d.Repository == "acme/hello" && d.Digest == k.digest(x) && (k.tag == "" || d.Tag == k.tag) &&
					strings.Contains(d.What, k.what) && (k.remove || d.Path == "/"+k.file(x))
			}
			if !hit {
				t.Errorf("not named: %+v", found)
			}
			x.c.want(x.c.get("acme/other", "manifests", "1.0.0"), http.StatusOK)
			for _, path := range []string{"/manifests/1.0.0", "/manifests/" + x.version.Digest.String(), "/blobs/" + x.layer.Digest.String(), "/tags/list", "/referrers/" + x.version.Digest.String()} {
				a := x.c.send("GET", "/v2/acme/hello"+path, nil)
				if a.status == http.StatusOK && strings.Contains(string(a.body), "damaged") && !strings.HasPrefix(path, "/blobs/") {
					t.Errorf("%s serves what is damaged: %s", path, a.body)
				}
			}
		})
	}
}

func TestDamageDoesNotStopAWalk(t *testing.T) {
	t.Parallel()
	x := newStored(t)
	x.c.pushed("acme/hello", "2.0.0", plugin("acme/hello", "2.0.0", ""))
	if err := os.WriteFile(filepath.Join(x.dir, x.link("_manifests/tags/1.0.0/current")), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	var tags []string
	err := x.s.Storage.Tags(t.Context(), "acme/hello", func(tag string, _ digest.Digest) error { tags = append(tags, tag); return nil })
	var damage *driver.Damage
	if !errors.As(err, &damage) || damage.Tag != "1.0.0" || damage.Repository != "acme/hello" || !errors.Is(err, artifact.ErrUnverified) {
		t.Errorf("error %v, want the damage of 1.0.0", err)
	}
	if len(tags) != 1 || tags[0] != "2.0.0" {
		t.Errorf("tags %v, want 2.0.0", tags)
	}
	again, _ := x.c.put("acme/hello", "1.0.0", plugin("acme/hello", "1.0.0", ""))
	x.c.refused(again, http.StatusServiceUnavailable, "UNAVAILABLE") // could not tell what it held
}

func TestDamagedManifestIsMendedByPushingItAgain(t *testing.T) {
	t.Parallel()
	x := newStored(t)
	if err := os.WriteFile(filepath.Join(x.dir, x.data(x.version.Digest)), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.c.want(x.c.get("acme/hello", "manifests", "1.0.0"), http.StatusInternalServerError)
	m := plugin("acme/hello", "1.0.0", "")
	m.Layers = []ocispec.Descriptor{x.layer}
	a, _ := x.c.put("acme/hello", "1.0.0", m)
	x.c.want(a, http.StatusCreated)
	x.c.want(x.c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
	if found := x.fsck(t); len(found) != 0 {
		t.Errorf("damage after: %+v", found)
	}
}

func TestDamagedReferrerLinkIsAnsweredFromTheManifest(t *testing.T) {
	t.Parallel()
	x := newStored(t)
	if err := os.WriteFile(filepath.Join(x.dir, x.referrerAt), []byte(`{"digest":`), 0o600); err != nil {
		t.Fatal(err)
	}
	got, _ := x.c.referrers("acme/hello", x.version.Digest, "")
	if len(got) != 1 || got[0].Digest != x.referrer.Digest || got[0].Annotations["note"] != "1" {
		t.Errorf("got %+v", got)
	}
}
