package gc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

// stressFor is how long the stress test goes on, as a Go duration; without it
// each of its workers does a bounded number of things.
const stressFor = "OARLOCK_GC_STRESS"

// storm is the stress test: workers push, move, sign, mount and delete while a
// collector whose grace period has always just ended takes all it may.
type storm struct {
	*site
	*ledger
	until  time.Time
	count  int
	runs   int          // of the collector meanwhile, at least
	again  atomic.Int64 // pushes that had to begin again
	acked  atomic.Int64
	pulled atomic.Int64
}

// TestCollectorBesideEverybody_B8 runs with a clock that is ahead and next to
// no grace period, so that nothing is young and nobody is protected by time:
// what was acknowledged must hold all the same.
func TestCollectorBesideEverybody_B8(t *testing.T) {
	t.Parallel()
	newStorm(t, newSiteWith(t, time.Nanosecond), 60).rage(t)
}

func newStorm(t *testing.T, s *site, count int) *storm {
	x := &storm{site: s, ledger: newLedger(), count: count, runs: 3}
	if text := os.Getenv(stressFor); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		x.until = time.Now().Add(d)
	} else if testing.Short() {
		x.count = 10
	}
	return x
}

// rage lets everybody loose and verifies what they were promised.
func (x *storm) rage(t *testing.T) {
	x.publish("acme/one")(rand.New(rand.NewPCG(1, 1)), -1)
	var workers, collector sync.WaitGroup
	var runs, removed atomic.Int64
	// On a busy machine the collector gets to run seldom: everybody goes on
	// until it did, within reason.
	enough := func() bool { return runs.Load() >= int64(x.runs) && (x.runs <= 2 || removed.Load() > 0) }
	for i, work := range []func(r *rand.Rand, n int){
		x.publish("acme/one"), x.publish("acme/two"), x.move("acme/one"), x.sign, x.sign, x.free("free/a"),
		x.free("free/b"), x.mount("free/mounts"), x.litter("free/litter"), x.litter("acme/one"),
	} {
		workers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for n := 0; n < x.count || time.Now().Before(x.until) || n < 20*x.count && !enough(); n++ {
				if !x.until.IsZero() && !time.Now().Before(x.until) {
					return
				}
				work(r, n)
				x.look(r)
			}
		})
	}
	done := make(chan struct{})
	collector.Go(func() {
		for ; ; runs.Add(1) {
			select {
			case <-done:
				return
			default:
			}
			x.now = x.now.Add(2 * time.Hour)
			report, err := x.gc.Run(t.Context(), false)
			if err != nil || len(report.Damaged) > 0 {
				t.Errorf("run %d: %v, %+v", runs.Load(), err, report.Damaged)
			}
			removed.Add(int64(report.BlobsRemoved))
		}
	})
	workers.Wait()
	close(done)
	collector.Wait()
	x.run(hours, false)
	x.run(hours, false)
	x.verify(x.ledger)
	t.Logf("%d pushes acknowledged, %d begun again, %d pulls; %d runs removed %d blobs meanwhile", x.acked.Load(), x.again.Load(), x.pulled.Load(), runs.Load(), removed.Load())
	if !enough() || x.acked.Load() == 0 || x.pulled.Load() == 0 {
		t.Error("nothing was tried")
	}
}

// pool is a few contents that everybody uses, so that bytes that are about to
// go are wanted again.
func pool(r *rand.Rand) string { return fmt.Sprintf("shared %d", r.IntN(6)) }

// store pushes blobs and a manifest as a client does, that looks first and
// begins again when the registry misses something.
func (x *storm) store(repo, ref string, v any, blobs ...string) (ocispec.Descriptor, bool) {
	return x.storeWith(repo, ref, v, func() bool { return true }, blobs...)
}

func (x *storm) storeWith(repo, ref string, v any, before func() bool, blobs ...string) (ocispec.Descriptor, bool) {
	for range 1000 {
		for _, content := range append(blobs, "{}") {
			d := digest.FromString(content).String()
			if x.send("HEAD", "/v2/"+repo+"/blobs/"+d, nil, "").status == http.StatusOK {
				continue
			}
			if a := x.send("POST", "/v2/"+repo+"/blobs/uploads/?digest="+d, []byte(content), ""); a.status != http.StatusCreated {
				x.t.Errorf("upload: %d %s", a.status, a.body)
			}
		}
		if !before() {
			return ocispec.Descriptor{}, false
		}
		a, d := x.put(repo, ref, v)
		switch {
		case a.status == http.StatusCreated:
			x.acked.Add(1)
			return d, true
		case a.status == http.StatusNotFound && strings.Contains(string(a.body), "MANIFEST_BLOB_UNKNOWN"):
			x.again.Add(1)
		default:
			x.t.Errorf("push of %s:%s: %d %s", repo, ref, a.status, a.body)
			return d, false
		}
	}
	x.t.Errorf("push of %s:%s never ends", repo, ref)
	return ocispec.Descriptor{}, false
}

// describe is the descriptor of a manifest that is still to be pushed.
func describe(t testing.TB, m ocispec.Manifest) ocispec.Descriptor {
	content, err := json.Marshal(m)
	if err != nil {
		t.Error(err)
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: digest.FromBytes(content), Size: int64(len(content))}
}

func layers(contents ...string) (list []ocispec.Descriptor) {
	for _, c := range contents {
		d := digest.FromString(c)
		list = append(list, ocispec.Descriptor{MediaType: "application/octet-stream", Digest: d, Size: int64(len(c)),
			Annotations: map[string]string{ocispec.AnnotationTitle: d.Encoded()[:12]}})
	}
	return list
}

func (x *storm) publish(repo string) func(*rand.Rand, int) {
	return func(r *rand.Rand, n int) {
		version, own, shared := fmt.Sprintf("0.0.%d", n+1), fmt.Sprintf("%s %d", repo, n), pool(r)
		if d, ok := x.store(repo, version, plugin(repo, version, layers(own, shared)...), own, shared); ok {
			x.tagged(repo, version, d.Digest, true)
		}
	}
}

// move points a channel at a manifest that no other tag means.
func (x *storm) move(repo string) func(*rand.Rand, int) {
	return func(r *rand.Rand, n int) {
		own, shared := fmt.Sprintf("edge %d", n), pool(r)
		for {
			d, ok := x.store(repo, "", image(own, "", layers(own, shared)...), own, shared)
			if !ok {
				return
			}
			x.untagged(repo, "edge")
			err := x.s.SetChannel(x.t.Context(), repo, "edge", d.Digest)
			if err == nil {
				x.tagged(repo, "edge", d.Digest, false)
				return
			}
			if !errors.Is(err, artifact.ErrNotFound) {
				x.t.Error(err)
				return
			}
		}
	}
}

func (x *storm) sign(r *rand.Rand, n int) {
	repo, subject, ok := x.version(r)
	if !ok {
		return
	}
	note := fmt.Sprintf("signature %d %d", n, r.IntN(1000))
	if n%4 == 0 {
		tag := artifact.DigestTag(subject, "sig")
		if x.get(repo, "manifests", tag).status == http.StatusNotFound {
			content := image("sig of "+subject.String(), "", layers("payload "+subject.String())...)
			if d, ok := x.store(repo, tag, content, "payload "+subject.String()); ok {
				x.tagged(repo, tag, d.Digest, false)
			}
		}
		return
	}
	d, ok := x.store(repo, "", image(note, subject, layers(note)...), note)
	if !ok {
		return
	}
	x.referred(repo, d.Digest, subject)
	if n%4 == 1 {
		if over, ok := x.store(repo, "", image("of "+note, d.Digest)); ok {
			x.referred(repo, over.Digest, d.Digest)
		}
	}
}

// free tags, tags over and deletes in a repository of its own.
func (x *storm) free(repo string) func(*rand.Rand, int) {
	return func(r *rand.Rand, n int) {
		tag, shared, note := fmt.Sprintf("t%d", r.IntN(3)), pool(r), fmt.Sprintf("m %d", r.IntN(8))
		x.untagged(repo, tag)
		switch r.IntN(5) {
		case 0:
			x.expect("DELETE", repo, "manifests/"+tag)
		case 1:
			child := image("child of "+tag+note, "", layers(shared)...)
			var d ocispec.Descriptor
			top, ok := x.storeWith(repo, tag, index(tag, describe(x.t, child)), func() (ok bool) {
				d, ok = x.store(repo, "", child, shared)
				return ok
			})
			if ok && d.Digest != "" {
				x.tagged(repo, tag, top.Digest, false)
			}
		case 2:
			d, ok := x.store(repo, tag, image("for delete of "+tag, "", layers(shared)...), shared)
			if ok {
				x.expect("DELETE", repo, "manifests/"+d.Digest.String())
			}
		default:
			if d, ok := x.store(repo, tag, image(tag+note, "", layers(shared)...), shared); ok {
				x.tagged(repo, tag, d.Digest, false)
			}
		}
	}
}

func (x *storm) expect(method, repo, path string) {
	if a := x.send(method, "/v2/"+repo+"/"+path, nil, ""); a.status != http.StatusAccepted && a.status != http.StatusNotFound {
		x.t.Errorf("%s %s/%s: %d %s", method, repo, path, a.status, a.body)
	}
}

// mount takes shared blobs from the plugins, if they have them.
func (x *storm) mount(repo string) func(*rand.Rand, int) {
	return func(r *rand.Rand, n int) {
		tag, shared := fmt.Sprintf("t%d", r.IntN(2)), pool(r)
		x.untagged(repo, tag)
		d, ok := x.storeWith(repo, tag, image(tag+" "+shared, "", layers(shared)...), func() bool {
			a := x.send("POST", "/v2/"+repo+"/blobs/uploads/?from=acme/one&mount="+digest.FromString(shared).String(), nil, "")
			if a.status == http.StatusAccepted {
				if a := x.send("DELETE", a.header.Get("Location"), nil, ""); a.status != http.StatusNoContent {
					x.t.Errorf("cancel: %d %s", a.status, a.body)
				}
			} else if a.status != http.StatusCreated {
				x.t.Errorf("mount: %d %s", a.status, a.body)
			}
			return true
		}, shared)
		if ok {
			x.tagged(repo, tag, d.Digest, false)
		}
	}
}

// litter pushes what nothing will ever reach.
func (x *storm) litter(repo string) func(*rand.Rand, int) {
	return func(r *rand.Rand, n int) {
		own, shared := fmt.Sprintf("litter %d", n), pool(r)
		x.store(repo, "", image(own, digest.FromString("nobody"), layers(own, shared)...), own, shared)
	}
}

// look pulls versions that were acknowledged, which must never fail.
func (x *storm) look(r *rand.Rand) {
	repo, d, ok := x.version(r)
	if !ok {
		return
	}
	if a := x.get(repo, "manifests", d.String()); a.status != http.StatusOK || digest.FromBytes(a.body) != d {
		x.t.Errorf("acknowledged version %s@%s: %d %s", repo, d, a.status, a.body)
	}
	var m ocispec.Manifest
	_, content, err := x.s.Storage.Manifest(x.t.Context(), repo, d)
	if err != nil || json.Unmarshal(content, &m) != nil {
		x.t.Errorf("acknowledged version %s@%s: %v", repo, d, err)
	}
	for _, l := range m.Layers {
		if a := x.get(repo, "blobs", l.Digest.String()); a.status != http.StatusOK || digest.FromBytes(a.body) != l.Digest {
			x.t.Errorf("blob %s of acknowledged version %s@%s: %d", l.Digest, repo, d, a.status)
		}
	}
	x.pulled.Add(1)
}
