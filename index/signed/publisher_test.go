package signed

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	inmemory "oras.land/oras-go/v2/content/memory"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
)

func TestNothingIsWrittenWhereNothingChanged_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.publish(snapshotOf(10, 1))
	if first.Uploaded == 0 {
		t.Fatal("the first publication cost nothing")
	}
	if again := s.publish(nil); again.Manifest != first.Manifest || again.Uploaded != 0 {
		t.Errorf("published again: %+v", again)
	}
	// a replica, or this server after a restart, finds what is there
	s.pub = s.publisher(must(MakeKeys(s.keysDir, KeyOptions{Now: s.now})))
	if again := s.publish(nil); again.Manifest != first.Manifest || again.Uploaded != 0 || again.Contents != first.Contents {
		t.Errorf("a second publisher: %+v, expected %+v", again, first)
	}
}

func TestSignaturesAreRenewedAtHalfTheirTime_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.publish(snapshotOf(10, 1))
	seen := s.pub.last
	for _, row := range []struct {
		after                        time.Duration
		timestamp, snapshot, targets bool
		roots                        int64
	}{
		{11 * time.Hour, false, false, false, 1},
		{2 * time.Hour, true, false, false, 1},
		{4 * 24 * time.Hour, true, true, false, 1},
		{50 * 24 * time.Hour, true, true, true, 1},
		{200 * 24 * time.Hour, true, true, true, 2}, // and the root, when a third is left
	} {
		s.time = s.time.Add(row.after)
		s.publish(nil)
		now := s.pub.last
		if got := now.timestamp.Signed.Version > seen.timestamp.Signed.Version; got != row.timestamp {
			t.Errorf("after %s: timestamp renewed %t", row.after, got)
		}
		if got := now.snapshot.Signed.Version > seen.snapshot.Signed.Version; got != row.snapshot {
			t.Errorf("after %s: snapshot renewed %t", row.after, got)
		}
		if got := now.targets.Signed.Version > seen.targets.Signed.Version; got != row.targets {
			t.Errorf("after %s: targets renewed %t", row.after, got)
		}
		if now.roots != row.roots {
			t.Errorf("after %s: root %d, expected %d", row.after, now.roots, row.roots)
		}
		if _, err := s.reader(s.pin(), ""); err != nil {
			t.Errorf("after %s: %v", row.after, err)
		}
		seen = now
	}
}

func TestCatalogOfAnotherRootIsNotReplaced_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.publish(snapshotOf(10, 1))
	stranger := s.publisher(must(MakeKeys(t.TempDir(), KeyOptions{Now: s.now})))
	if _, err := stranger.Publish(t.Context(), s.live.Current()); !errors.Is(err, errForeign) {
		t.Errorf("other keys: %v", err)
	}
	if at := must(s.repo.Resolve(t.Context(), Tag)); at.Digest != first.Manifest {
		t.Error("it was replaced")
	}
	if _, err := s.keys.Rotate(Rotation{}); err != nil {
		t.Fatal(err)
	}
	s.publish(nil)
	if err := os.Remove(filepath.Join(s.keysDir, "2.root.json")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.pub.Publish(t.Context(), s.live.Current()); err == nil {
		t.Error("keys that are older than what was published: no error")
	}
}

// Whatever became of the registry's copy, the next publication mends it, and no
// version is used twice.
func TestDamagedOrLostCatalogIsPublishedAnew_C7(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(s *site){
		"the tag is gone":               func(s *site) { must(0, s.repo.Delete(s.t.Context(), must(s.repo.Resolve(s.t.Context(), Tag)))) },
		"somebody replaced the targets": func(s *site) { s.put(with(s.files(), map[string][]byte{targetsName: []byte("{}")})) },
		"it is something else": func(s *site) {
			s.putManifest([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.acme","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.publish(snapshotOf(10, 1))
			state := t.TempDir()
			if _, err := s.reader(s.pin(), state); err != nil {
				t.Fatal(err)
			}
			harm(s)
			if _, err := s.reader(s.pin(), state); err == nil {
				t.Fatal("the harm did none")
			}
			s.pub = s.publisher(s.keys)
			s.publish(nil)
			if c, err := s.reader(s.pin(), state); err != nil || c.Status().Plugins != 10 {
				t.Error(err)
			}
		})
	}
}

// After a site was restored from a backup its versions are behind what readers
// saw; new online keys make them follow again.
func TestRestoredSiteGoesOnWithNewOnlineKeys_C7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first := s.pin()
	s.publish(snapshotOf(10, 1))
	backup := s.files()
	counted := must(os.ReadFile(filepath.Join(s.keysDir, versionsFile)))
	state := t.TempDir()
	for n := range 5 {
		s.publish(snapshotOf(11+n, 1))
	}
	if _, err := s.reader(first, state); err != nil {
		t.Fatal(err)
	}
	s.put(backup)
	must(0, os.WriteFile(filepath.Join(s.keysDir, versionsFile), counted, 0o600))
	s.pub = s.publisher(s.keys)
	s.publish(nil)
	_, err := s.reader(first, state)
	wantRefusal(t, err, RefusedRollback)
	if _, err := s.keys.Rotate(Rotation{OnlineKeys: true}); err != nil {
		t.Fatal(err)
	}
	s.publish(nil)
	for range 2 { // what was seen under the old keys does not come back
		if c, err := s.reader(first, state); err != nil || c.Status().Root != 2 {
			t.Fatal(err)
		}
	}
}

// shaky fails the first pushes.
type shaky struct {
	oras.Target
	failures atomic.Int64
}

func (s *shaky) Push(ctx context.Context, d ocispec.Descriptor, r io.Reader) error {
	if s.failures.Add(-1) >= 0 {
		return errors.New("the disk is full")
	}
	return s.Target.Push(ctx, d, r)
}

func TestRunPublishesWhatSettled_C7(t *testing.T) {
	t.Parallel()
	live := catalog.NewLive(catalog.LiveOptions{})
	ready := make(chan struct{})
	ended := make(chan Published, 1000)
	var failed atomic.Int64
	to := &shaky{Target: inmemory.New()}
	to.failures.Store(1)
	p := NewPublisher(PublisherOptions{Public: EverythingUnsafe, To: to, Keys: must(MakeKeys(t.TempDir(), KeyOptions{})), Quiet: 50 * time.Millisecond,
		Done: func(done Published, err error) {
			if err != nil {
				failed.Add(1)
			} else {
				ended <- done
			}
		}})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { p.Run(ctx, live, ready); close(stopped) }()
	whole := catalog.Empty()
	for n := range 200 { // an import
		whole = whole.With([]catalog.Plugin{pluginNamed("acme/plugin", 1+n, 0)}, nil)
		must(live.Swap(whole))
	}
	close(ready)
	first := <-ended
	if first.CatalogDigest != whole.Digest() || failed.Load() != 1 {
		t.Errorf("%+v after %d failures, expected the newest after one", first, failed.Load())
	}
	whole = whole.With([]catalog.Plugin{pluginNamed("acme/other", 1, 0)}, nil)
	must(live.Swap(whole))
	for done := first; done.CatalogDigest != whole.Digest(); done = <-ended {
	}
	cancel()
	<-stopped
	if n := len(ended); n > 5 {
		t.Errorf("%d more publications for 201 generations", n)
	}
}

// Proves I7: a publisher that nobody told what is private publishes nothing.
func TestAPublisherThatKnowsNothingPublicPublishesNothing_I7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.pub = NewPublisher(PublisherOptions{To: s.repo, Keys: s.keys, Now: s.now})
	g := must(s.live.Swap(snapshotOf(2, 1)))
	if _, err := s.pub.Publish(t.Context(), g); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("published: %v", err)
	}
	if at, err := s.repo.Resolve(t.Context(), Tag); err == nil {
		t.Errorf("the tag means %s, expected none", at.Digest)
	}
}
