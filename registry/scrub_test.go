package registry_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/artifacttest"
	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/registrytest"
	"github.com/oarlock/oarlock/registry/remote"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// mirrored is a registry that mends from another one with the same content.
func mirrored(t *testing.T, lies bool) *stored {
	other := newKept(t, 0)
	return newKept(t, -1, func(o *registrytest.Options) {
		o.RepairFrom = []integrity.Origin{mirror{newClient(t, registrytest.New(t)), false}, mirror{other.c, lies}}
	})
}

func TestScrubNamesSetsAsideAndFetchesAgain_B12(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		lies, mended bool
	}{"a mirror that has it": {false, true}, "a mirror that lies": {true, false}} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := mirrored(t, k.lies)
			damages["a byte flipped"](t, x.at(x.layer.Digest))
			damages["truncated"](t, x.at(x.version.Digest))
			var told []driver.Damage
			state, err := x.s.Checks.Scrub(t.Context(), integrity.ScrubOptions{Damaged: func(d driver.Damage) { told = append(told, d) }})
			if err != nil || state.Damaged != 2 || len(told) != 2 || state.Running() || state.Cursor != "" {
				t.Fatalf("%+v, told %d, %v", state, len(told), err)
			}
			for _, d := range told {
				if d.Repository != "acme/hello" || (d.Mended == "fetched from mirror") != k.mended {
					t.Errorf("%+v", d)
				}
				a, err := x.c.try("GET", "/v2/acme/hello/blobs/"+d.Digest.String(), nil)
				if d.Digest == x.layer.Digest && whole(a, err, d.Digest) != k.mended {
					t.Errorf("status %d, %v", a.status, err)
				}
			}
			x.c.want(x.c.get("acme/hello", "manifests", "1.0.0"), map[bool]int{true: 200, false: 500}[k.mended])
			list, err := x.s.Storage.Quarantined(t.Context())
			if err != nil || (len(list) == 0) != k.mended {
				t.Errorf("quarantined %+v, %v", list, err)
			}
			if again, err := x.s.Checks.ScrubState(t.Context()); err != nil || !cmp.Equal(again.FinishedAt, state.FinishedAt) || again.Damaged != 2 {
				t.Errorf("state %+v, %v", again, err)
			}
		})
	}
}

// A scrub that is ended goes on behind what it has read, in another process too.
func TestScrubIsResumed_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, -1)
	for i := range 40 {
		x.c.blob("acme/hello", []byte(strings.Repeat("x", i+1)))
	}
	all, err := x.s.Checks.Scrub(t.Context(), integrity.ScrubOptions{})
	if err != nil || all.Blobs < 40 {
		t.Fatalf("%+v, %v", all, err)
	}
	var done int64
	read := map[digest.Digest]int{}
	for passes := 0; ; passes++ {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		state, err := x.s.Checks.Scrub(ctx, integrity.ScrubOptions{BytesPerSecond: 1 << 30, Progress: func(s integrity.ScrubState) {
			read[s.Cursor]++
			if n++; n == 7 {
				cancel()
			}
		}})
		cancel()
		if done = state.Blobs; err == nil {
			if passes < 5 {
				t.Errorf("done after %d passes", passes)
			}
			break
		}
		if !errors.Is(err, context.Canceled) || !state.Running() {
			t.Fatalf("%+v, %v", state, err)
		}
	}
	if done != all.Blobs || int64(len(read)) != all.Blobs {
		t.Errorf("read %d of which %d different, want %d", done, len(read), all.Blobs)
	}
	for d, times := range read {
		if times != 1 {
			t.Errorf("%s was read %d times", d, times)
		}
	}
}

func TestScrubKeepsToItsPace_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, -1)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	state, err := x.s.Checks.Scrub(ctx, integrity.ScrubOptions{BytesPerSecond: 1})
	const atOnce = 64 << 10 // and one read more
	if !errors.Is(err, context.DeadlineExceeded) || state.Bytes > 2*atOnce || state.Damaged != 0 {
		t.Errorf("read %d bytes at one byte a second, damaged %d: %v", state.Bytes, state.Damaged, err)
	}
}

func TestRepairMendsWhatItCanAndNamesTheRest_B12(t *testing.T) {
	t.Parallel()
	for says, k := range map[string]struct {
		file   func(x *stored) string
		kind   driver.DamageKind
		remove bool
		stays  bool
	}{
		"a blob's bytes changed":      {func(x *stored) string { return x.data(x.layer.Digest) }, driver.DamagedBytes, false, false},
		"a blob's bytes are gone":     {func(x *stored) string { return x.data(x.layer.Digest) }, driver.MissingBytes, true, false},
		"a blob's link changed":       {func(x *stored) string { return x.link("_layers/sha256/" + x.layer.Digest.Encoded()) }, driver.DamagedLink, false, false},
		"a blob's link is gone":       {func(x *stored) string { return x.link("_layers/sha256/" + x.layer.Digest.Encoded()) }, driver.MissingReference, true, false},
		"a manifest's bytes changed":  {func(x *stored) string { return x.data(x.version.Digest) }, driver.DamagedBytes, false, false},
		"a manifest's bytes are gone": {func(x *stored) string { return x.data(x.version.Digest) }, driver.MissingBytes, true, false},
		"a manifest's link changed":   {func(x *stored) string { return x.link("_manifests/revisions/sha256/" + x.version.Digest.Encoded()) }, driver.DamagedLink, false, false},
		"a manifest's link is gone":   {func(x *stored) string { return x.link("_manifests/revisions/sha256/" + x.version.Digest.Encoded()) }, driver.LostTag, true, false},
		"a tag changed":               {func(x *stored) string { return x.link("_manifests/tags/1.0.0/current") }, driver.DamagedTag, false, true},
		"a repository's mark is gone": {func(*stored) string { return "oarlock/repositories/acme/hello/_repository" }, driver.MissingMark, true, false},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := mirrored(t, false)
			at := filepath.Join(x.dir, k.file(x))
			if k.remove {
				if err := os.Remove(at); err != nil {
					t.Fatal(err)
				}
			} else {
				rewrite(t, at, []byte(`damaged`))
			}
			named := false
			err := x.s.Checks.Repair(t.Context(), func(d driver.Damage) {
				named = named || d.Kind == k.kind && d.Repository == "acme/hello"
				if (d.Mended == "") != k.stays {
					t.Errorf("%+v", d)
				}
			})
			if err != nil || !named {
				t.Fatalf("named %v, %v", named, err)
			}
			if found := x.fsck(t); (len(found) > 0) != k.stays {
				t.Errorf("after: %+v", found)
			}
			if k.stays {
				if _, err := os.Stat(at); err != nil {
					t.Errorf("the tag is gone: %v", err)
				}
				return
			}
			x.c.want(x.c.get("acme/hello", "manifests", "1.0.0"), http.StatusOK)
			a, err := x.c.try("GET", "/v2/acme/hello/blobs/"+x.layer.Digest.String(), nil)
			if !whole(a, err, x.layer.Digest) {
				t.Errorf("layer: status %d, %v", a.status, err)
			}
		})
	}
}

func TestRepairWritesReferrerLinksAnew_B12(t *testing.T) {
	t.Parallel()
	for says, damage := range map[string]func(t *testing.T, path string){
		"changed": func(t *testing.T, path string) { rewrite(t, path, []byte(`{"digest":`)) },
		"gone": func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"of another subject": func(t *testing.T, path string) {
			to := filepath.Join(filepath.Dir(filepath.Dir(path)), strings.Repeat("a", 64), filepath.Base(path))
			if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path, to); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			x := newStored(t)
			damage(t, filepath.Join(x.dir, x.referrerAt))
			mended := 0
			err := x.s.Checks.Repair(t.Context(), func(d driver.Damage) {
				if d.Kind == driver.DamagedReferrer && d.Mended != "" {
					mended++
				}
			})
			if err != nil || mended == 0 {
				t.Fatalf("mended %d, %v", mended, err)
			}
			if found := x.fsck(t); len(found) != 0 {
				t.Errorf("after: %+v", found)
			}
			if got, _ := x.c.referrers("acme/hello", x.version.Digest, ""); len(got) != 1 {
				t.Errorf("referrers %+v", got)
			}
		})
	}
}

// A client that pushes a whole version looks whether its manifest is there,
// and sends nothing below it when it is: so it must hear that it is not, once
// something that it holds is known to be damaged or missing.
func TestPushingAWholeVersionMendsItsParts_B12(t *testing.T) {
	t.Parallel()
	for says, platforms := range map[string][]string{"of one manifest": nil, "of two platforms": {"linux/amd64", "darwin/arm64"}} {
		for how, remove := range map[string]bool{"damaged": false, "missing": true} {
			t.Run("a "+how+" layer of a version "+says, func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				s := registrytest.New(t, registrytest.Dir(dir))
				c, x := newClient(t, s), &stored{dir: dir}
				src, root := artifacttest.Version{ID: "acme/hello", Files: map[string]string{"big": rand.Text() + strings.Repeat("x", 1<<20)}, Platforms: platforms}.Store(t)
				push := func() error {
					return remote.Push(t.Context(), src, root, s.Host+"/acme/hello:1.0.0", remote.Options{Credential: auth.StaticCredential("", auth.EmptyCredential)})
				}
				if err := push(); err != nil {
					t.Fatal(err)
				}
				p, err := s.Storage.Publication(t.Context(), "acme/hello", version1(t))
				if err != nil {
					t.Fatal(err)
				}
				_, raw, err := s.Storage.Manifest(t.Context(), "acme/hello", p.Parts[len(p.Parts)-1].Digest)
				var m ocispec.Manifest
				if err != nil || json.Unmarshal(raw, &m) != nil {
					t.Fatal(err)
				}
				layer := m.Layers[0].Digest
				at := filepath.Join(dir, x.data(layer))
				if remove {
					err = os.Remove(at)
				} else {
					err = os.WriteFile(at, []byte("damaged"), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				path := "/v2/acme/hello/blobs/" + layer.String()
				if a, err := c.try("GET", path, nil); err == nil && a.status == http.StatusOK {
					t.Fatalf("served: %d bytes", len(a.body))
				}
				if err := push(); err != nil {
					t.Fatal(err)
				}
				if a, err := c.try("GET", path, nil); !whole(a, err, layer) {
					t.Errorf("after the push: status %d, %v", a.status, err)
				}
				c.want(c.send("HEAD", "/v2/acme/hello/manifests/1.0.0", nil), http.StatusOK)
				if f := s.Storage.Faults(); f.Now != 0 {
					t.Errorf("faults %+v", f)
				}
			})
		}
	}
}

func version1(t *testing.T) artifact.Version {
	v, err := artifact.ParseVersion("1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// What is in quarantine is tried again by every scrub, and dropped when nobody
// holds it.
func TestScrubTriesAgainAndDropsWhatNobodyHolds_B12(t *testing.T) {
	t.Parallel()
	x := newKept(t, -1)
	damages["truncated"](t, x.at(x.layer.Digest))
	first, err := x.s.Checks.Scrub(t.Context(), integrity.ScrubOptions{})
	if err != nil || first.Damaged != 1 || first.Mended != 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	rewrite(t, filepath.Join(x.dir, "oarlock/quarantine/sha256", x.layer.Digest.Encoded(), "data"), large) // an operator had a copy
	again, err := x.s.Checks.Scrub(t.Context(), integrity.ScrubOptions{})
	if err != nil || again.Damaged != 1 || again.Mended != 1 {
		t.Fatalf("%+v, %v", again, err)
	}
	if a, err := x.c.try("GET", "/v2/acme/hello/blobs/"+x.layer.Digest.String(), nil); !whole(a, err, x.layer.Digest) {
		t.Errorf("status %d, %v", a.status, err)
	}
	alone := x.c.blob("acme/alone", []byte("held by nobody soon"))
	damages["a byte flipped"](t, x.at(alone.Digest))
	if err := os.RemoveAll(filepath.Join(x.dir, "docker/registry/v2/repositories/acme/alone")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := x.s.Checks.Scrub(t.Context(), integrity.ScrubOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := x.s.Storage.Quarantined(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
