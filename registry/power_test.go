package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/registry/integrity"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// tree is the files below a directory.
type tree map[string]string

func readTree(t *testing.T, dir string) tree {
	t.Helper()
	files := tree{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it went while this was read
		}
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil {
			files[strings.TrimPrefix(path, dir)] = string(content)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return files
}

func (f tree) write(t *testing.T, dir string) {
	t.Helper()
	for name, content := range f {
		if err := os.MkdirAll(filepath.Dir(dir+name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// powerless is a registry on a disk that keeps, when the power goes, what was
// there when the last sync began, and of later files what chance wants.
type powerless struct {
	*Registry
	dir  string
	mu   sync.Mutex
	kept tree
}

func openPowerless(t *testing.T, dir string) *powerless {
	t.Helper()
	g := opened(t, onDisk(dir), Options{Guards: AdmitAllUnsafe()})
	if !g.driver.HasBarrier() {
		t.Skip("every write is synced by itself here")
	}
	p := &powerless{Registry: g, dir: dir, kept: readTree(t, dir)}
	g.driver.SyncBy(func() error {
		now := readTree(t, dir)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.kept = now
		return nil
	})
	return p
}

// cut is what is left when the power goes now.
func (p *powerless) cut(t *testing.T, chance *rand.Rand) tree {
	now := readTree(t, p.dir)
	p.mu.Lock()
	defer p.mu.Unlock()
	left := maps.Clone(p.kept)
	for _, name := range slices.Sorted(maps.Keys(now)) {
		old, was := left[name]
		switch {
		case was && old == now[name]:
		case was: // replaced: the new content was synced before it got the name
			if chance.IntN(2) == 0 {
				left[name] = now[name]
			}
		default:
			switch chance.IntN(3) {
			case 0:
				left[name] = now[name]
			case 1:
				left[name] = ""
			}
		}
	}
	return left
}

// An offer is one version or referrer with its blobs, as a client has it.
type offer struct {
	repo, reference string
	blobs           []string
	manifest        string
	subject         digest.Digest
}

func offers() []offer {
	var all []offer
	for p := range 3 {
		repo := fmt.Sprintf("acme/plugin-%d", p)
		for v := range 6 {
			layer := strings.Repeat(fmt.Sprintf("layer %d of all ", v%4), 700)
			version := fmt.Sprintf("1.%d.0", v)
			m := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"artifactType":"application/vnd.oarlock.plugin.v1",`+
				`"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},`+
				`"layers":[{"mediaType":"application/vnd.oarlock.plugin.content.v1.tar+gzip","digest":%q,"size":%d}],`+
				`"annotations":{"dev.oarlock.plugin.id":%q,"org.opencontainers.image.version":%q,"dev.oarlock.plugin.engine.acme-editor":">=1"}}`,
				ocispec.MediaTypeImageManifest, digest.FromString("{}"), digest.FromString(layer), len(layer), repo, version)
			all = append(all, offer{repo, version, []string{"{}", layer}, m, ""})
			sig := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":2},"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":%d}}`,
				ocispec.MediaTypeImageManifest, digest.FromString("{}"), ocispec.MediaTypeImageManifest, digest.FromString(m), len(m))
			all = append(all, offer{repo, digest.FromString(sig).String(), []string{"{}"}, sig, digest.FromString(m)})
		}
	}
	return all
}

// push does what a client does: look, upload what is missing, and put the manifest.
func (o offer) push(t *testing.T, g *Registry) {
	for _, blob := range o.blobs {
		d := digest.FromString(blob).String()
		if do(t, g, "HEAD", "/v2/"+o.repo+"/blobs/"+d, "").Code == http.StatusOK {
			continue
		}
		at := do(t, g, "POST", "/v2/"+o.repo+"/blobs/uploads/", "").Header().Get("Location")
		if w := do(t, g, "PUT", at+"&digest="+d, blob); w.Code != http.StatusCreated {
			t.Errorf("blob of %s:%s: %d %s", o.repo, o.reference, w.Code, w.Body)
		}
	}
	switch w := do(t, g, "HEAD", "/v2/"+o.repo+"/manifests/"+digest.FromString(o.manifest).String(), ""); {
	case w.Code == http.StatusOK && o.subject != "":
		return
	case w.Code >= 500:
		t.Errorf("HEAD of %s:%s: %d", o.repo, o.reference, w.Code)
	}
	if w := do(t, g, "PUT", "/v2/"+o.repo+"/manifests/"+o.reference, o.manifest); w.Code != http.StatusCreated {
		t.Errorf("%s:%s: %d %s", o.repo, o.reference, w.Code, w.Body)
	}
}

// check reads everything that o acknowledged.
func (o offer) check(t *testing.T, g *Registry) {
	t.Helper()
	d := digest.FromString(o.manifest)
	if o.subject == "" {
		if got, err := g.storage.Resolve(t.Context(), o.repo, o.reference); err != nil || got != d {
			t.Errorf("%s:%s was acknowledged as %s, is %q: %v", o.repo, o.reference, d, got, err)
		}
	} else if list, err := g.storage.Referrers(t.Context(), o.repo, o.subject); err != nil || !slices.ContainsFunc(list, func(r ocispec.Descriptor) bool { return r.Digest == d }) {
		t.Errorf("referrer %s of %s was acknowledged and is not listed: %v", d, o.subject, err)
	}
	if _, content, err := g.storage.Manifest(t.Context(), o.repo, d); err != nil || string(content) != o.manifest {
		t.Errorf("%s@%s: %v", o.repo, d, err)
	}
	for _, blob := range o.blobs {
		if content, err := g.storage.Blob(t.Context(), o.repo, digest.FromString(blob), 1<<20); err != nil || string(content) != blob {
			t.Errorf("blob of %s:%s: %v", o.repo, o.reference, err)
		}
	}
}

// TestPowerCutLosesNothingAcknowledged_B2 cuts the power at random moments of
// pushes that run together. Nothing that was acknowledged may be lost, and of
// the rest the same pushes must make a whole again, without an operator.
func TestPowerCutLosesNothingAcknowledged_B2(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for seed := range rounds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(uint64(seed), 1))
			all := offers()
			chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			p := openPowerless(t, t.TempDir())
			var mu sync.Mutex
			var acknowledged []offer
			stop := 1 + chance.IntN(len(all))
			enough, cut := make(chan struct{}), make(chan struct{})
			var clients sync.WaitGroup
			for c := range 3 {
				clients.Go(func() {
					for i := c; i < len(all); i += 3 {
						select {
						case <-cut:
							return
						default:
						}
						all[i].push(t, p.Registry)
						mu.Lock()
						acknowledged = append(acknowledged, all[i])
						if len(acknowledged) == stop {
							close(enough)
						}
						mu.Unlock()
					}
				})
			}
			<-enough
			mu.Lock()
			sure := slices.Clone(acknowledged)
			mu.Unlock()
			left := p.cut(t, chance)
			close(cut)
			clients.Wait()

			dir := t.TempDir()
			left.write(t, dir)
			after := openPowerless(t, dir)
			for _, o := range sure {
				o.check(t, after.Registry)
			}
			for _, o := range all {
				o.push(t, after.Registry)
			}
			for _, o := range all {
				o.check(t, after.Registry)
			}
			if err := integrity.New(after.storage, nil).Fsck(t.Context(), func(d driver.Damage) { t.Errorf("after the same pushes: %v", &d) }); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPushCostsTwoSyncs counts what a push waits for.
func TestPushCostsTwoSyncs(t *testing.T) {
	t.Parallel()
	p := openPowerless(t, t.TempDir())
	var syncs int
	p.driver.SyncBy(func() error { syncs++; return nil })
	for i, want := range []int{2, 1} { // a version, which syncs before its tag too, and a referrer
		syncs = 0
		offers()[i].push(t, p.Registry)
		if syncs != want {
			t.Errorf("push %d: %d syncs, want %d", i, syncs, want)
		}
	}
}

// TestStorageThatCannotBeSyncedRefusesPushes covers the fault that must not be
// taken for success.
func TestStorageThatCannotBeSyncedRefusesPushes(t *testing.T) {
	t.Parallel()
	p := openPowerless(t, t.TempDir())
	p.driver.SyncBy(func() error { return errors.New("input/output error") })
	o := offers()[0]
	for _, blob := range o.blobs {
		do(t, p.Registry, "POST", "/v2/"+o.repo+"/blobs/uploads/?digest="+digest.FromString(blob).String(), blob)
	}
	w := do(t, p.Registry, "PUT", "/v2/"+o.repo+"/manifests/"+o.reference, o.manifest)
	var said struct{ Errors []errcode.Error }
	if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code < 500 {
		t.Errorf("%d %s: want a 5xx with an OCI error", w.Code, w.Body)
	}
	if d, err := p.storage.Resolve(t.Context(), o.repo, o.reference); err == nil {
		t.Errorf("the tag was set to %s though what it means is not durable", d)
	}
}
