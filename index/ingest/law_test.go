package ingest_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
)

// operations changes m at random and says what an event would say.
type operations struct {
	m         *memory
	in        *ingest.Ingester
	published map[string][]ocispec.Descriptor
	read      map[digest.Digest]bool
	ledgers   *ledgers
}

var (
	lawRepos    = []string{"acme/one", "examples/two"}
	lawVersions = []string{"1.0.0", "2.0.0-rc.1"}
)

func (o *operations) step(t *rapid.T) {
	repo := rapid.SampledFrom(lawRepos).Draw(t, "repo")
	version := rapid.SampledFrom(lawVersions).Draw(t, "version")
	some := func() (ocispec.Descriptor, bool) {
		all := o.published[repo]
		if len(all) == 0 {
			return ocispec.Descriptor{}, false
		}
		return rapid.SampledFrom(all).Draw(t, "digest"), true
	}
	switch rapid.SampledFrom([]string{"publish", "malformed", "sign", "refer", "channel", "untag", "damage", "heal", "touch", "ledger", "ledger"}).Draw(t, "operation") {
	case "publish":
		d := o.m.publish(repo, version)
		o.published[repo] = append(o.published[repo], d)
		o.in.Notify(repo, version, d.Digest, "")
	case "malformed":
		d := o.m.manifest(repo, version, versionManifest(o.m.config(repo, "9.9.9", "")))
		o.in.Notify(repo, version, d.Digest, "")
	case "sign":
		if d, ok := some(); ok {
			tag := artifact.DigestTag(d.Digest, "sig")
			sig := o.m.sign(repo, d, rapid.SampledFrom([]string{"good", "evil"}).Draw(t, "signer"), true)
			o.in.Notify(repo, tag, sig, "")
		}
	case "refer":
		if d, ok := some(); ok {
			o.in.Notify(repo, "", o.m.sign(repo, d, rapid.SampledFrom([]string{"good", "evil"}).Draw(t, "signer"), false), d.Digest)
		}
	case "channel":
		if d, ok := some(); ok {
			o.m.tag(repo, "stable", d.Digest)
			o.in.Notify(repo, "stable", d.Digest, "")
		}
	case "untag":
		o.m.untag(repo, version)
		o.in.Notify(repo, version, "", "")
	case "damage": // before it was ever read: content under a digest is read once
		d := o.m.publish(repo, version+"-damaged")
		if !o.read[d.Digest] {
			o.m.fault(d.Digest.String(), errDisk)
		}
		o.in.Notify(repo, version+"-damaged", d.Digest, "")
	case "heal":
		d := o.m.publish(repo, version+"-damaged")
		o.m.fault(d.Digest.String(), nil)
		o.read[d.Digest] = true
		o.in.Touch(repo)
	case "touch":
		o.in.Touch(repo)
	case "ledger":
		name := rapid.SampledFrom(lawLedgers).Draw(t, "ledger")
		act := rapid.SampledFrom(o.ledgers.acts()).Draw(t, "act")
		o.ledgers.act(name, act)
		o.in.Notify(o.ledgers.ref(name).Repository(), o.ledgers.ref(name).Tag(), "", "")
	}
}

// Whatever happens in whatever order, following the events gives the same
// catalog as building it from nothing.
func TestIncrementalEqualsRebuild_C1(t *testing.T) {
	t.Parallel()
	site := newLedgers(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		m := newMemory()
		live := catalog.NewLive(catalog.LiveOptions{})
		in, err := ingest.New(ingest.Options{Source: m, Withheld: ingest.NothingWithheld, Live: live, Verifier: keyedVerifier{}, Ledgers: site.judge, Interval: 1, Workers: 2, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		var done sync.WaitGroup
		done.Go(func() { _ = in.Run(ctx) })
		defer func() { stop(); done.Wait() }()
		<-in.ReadyC()
		o := &operations{m, in, map[string][]ocispec.Descriptor{}, map[digest.Digest]bool{}, site.over(m)}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			o.step(t)
		}
		if err := in.Settled(ctx); err != nil {
			t.Fatal(err)
		}
		rebuilt, err := in.Rebuild(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := live.Current().Snapshot.Digest(), rebuilt.Digest(); got != want {
			c, err := in.Check(ctx)
			t.Fatalf("following the events gives %s, building from nothing %s: %v %v", got, want, c.Differ, err)
		}
	})
}

// Touches, walks and readers at once leave the catalog that a rebuild gives.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	m := newMemory()
	in, live := run(t, m, func(o *ingest.Options) { o.Interval = time.Millisecond })
	var all sync.WaitGroup
	for writer := range 4 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(writer), 1))
			for i := range 50 {
				repo := lawRepos[random.IntN(len(lawRepos))]
				version := fmt.Sprintf("%d.%d.0", writer, i)
				d := m.publish(repo, version)
				in.Notify(repo, version, d.Digest, "")
				sig := m.sign(repo, d, "good", i%2 == 0)
				in.Notify(repo, "", sig, d.Digest)
			}
		})
	}
	all.Go(func() {
		for range 5 {
			if _, err := in.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	all.Go(func() {
		for range 50 {
			live.Current().Snapshot.Plugins(func(p *catalog.Plugin) bool { return len(p.Versions) >= 0 })
		}
	})
	all.Wait()
	settle(t, in)
	c, err := in.Check(t.Context())
	if err != nil || len(c.Differ) > 0 || c.Serving != c.Rebuilt {
		t.Fatalf("check: %+v, %v", c, err)
	}
	if got := live.Current().Snapshot.Versions(); got != 200 {
		t.Errorf("%d versions, want 200", got)
	}
	if got := live.Current().Snapshot.Pending(); got != 0 {
		t.Errorf("%d versions wait, though all are signed", got)
	}
}

func TestCheckNamesWhatDiffers_C1(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.publish("acme/same", "1.0.0")
	m.publish("acme/hello", "1.0.0")
	in, _ := run(t, m, nil)
	check := func(want ...ingest.Difference) {
		t.Helper()
		c, err := in.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(c.Differ)); diff != "" {
			t.Fatalf("differences (-want +got):\n%s", diff)
		}
		if (c.Serving == c.Rebuilt) != (len(want) == 0) {
			t.Errorf("digests %s and %s for %d differences", c.Serving, c.Rebuilt, len(want))
		}
	}
	check()
	// Behind the back of the events. Check touches what differs.
	m.publish("acme/hello", "1.1.0")
	m.publish("acme/new", "1.0.0")
	check(ingest.Difference{ID: mustName(t, "acme/hello"), Detail: "version 1.1.0 is missing in the catalog"},
		ingest.Difference{ID: mustName(t, "acme/new"), Detail: "version 1.0.0 is missing in the catalog"})
	settle(t, in)
	check()
	m.untag("acme/hello", "1.0.0")
	check(ingest.Difference{ID: mustName(t, "acme/hello"), Detail: "version 1.0.0 is in the catalog only"})
}

func TestARestartServesAtOnceAndReconcilesBehind_C5(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.checkpoint")
	m := newMemory()
	m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good", true)
	log := slog.New(slog.DiscardHandler)
	var before *catalog.Generation
	t.Run("a first run", func(t *testing.T) {
		if first, whole := ingest.Restore(path, annotationVerifier{}, false, log); first != nil || whole {
			t.Fatalf("restored %v from nothing", first)
		}
		in, live := run(t, m, func(o *ingest.Options) { o.Checkpoint = path })
		in.Touch("acme/hello")
		settle(t, in)
		before = live.Current()
	})
	first, whole := ingest.Restore(path, annotationVerifier{}, false, log)
	if !whole || first.Number != before.Number || first.Snapshot.Digest() != before.Snapshot.Digest() {
		t.Fatalf("restored %+v, want generation %d %s", first, before.Number, before.Snapshot.Digest())
	}
	m.publish("acme/hello", "1.1.0") // while nobody looked
	live := catalog.NewLive(catalog.LiveOptions{First: first})
	in, err := ingest.New(ingest.Options{Source: m, Withheld: ingest.NothingWithheld, Live: live, Verifier: annotationVerifier{}, Restored: whole, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if in.Ready() || in.Current() == nil {
		t.Error("ready before anything was compared")
	}
	if _, err := in.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !in.Ready() || in.Current() != nil {
		t.Errorf("not ready after a walk: %v", in.Current())
	}
	if got := live.Current(); got.Number != before.Number+1 || got.Snapshot.Versions() != 2 {
		t.Errorf("after the walk: generation %d with %d versions, want %d with 2", got.Number, got.Snapshot.Versions(), before.Number+1)
	}
}

// What another policy listed does not serve, not for a moment (G3).
func TestACheckpointOfAnotherPolicyDoesNotServe_G3(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.checkpoint")
	m := newMemory()
	m.publish("acme/hello", "1.0.0")
	var before *catalog.Generation
	t.Run("a first run", func(t *testing.T) {
		_, live := run(t, m, func(o *ingest.Options) { o.Checkpoint, o.ListDeniedUnsafe = path, true })
		before = live.Current()
	})
	first, whole := ingest.Restore(path, annotationVerifier{}, false, slog.New(slog.DiscardHandler))
	if whole || first == nil || first.Snapshot.Len() != 0 || first.Number != before.Number {
		t.Fatalf("restored %+v (whole: %v), want nothing but the number %d", first, whole, before.Number)
	}
}

// verifierOfPolicy judges as annotationVerifier does, by a policy that changes.
type verifierOfPolicy struct {
	annotationVerifier
	mu     sync.Mutex
	policy string
}

func (j *verifierOfPolicy) Digest() digest.Digest {
	j.mu.Lock()
	defer j.mu.Unlock()
	return digest.FromString(j.policy)
}

// What was judged by the policy before is never kept under the new one's name.
func TestACheckpointWaitsUntilAllIsJudgedByThePolicy_G3(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "catalog.checkpoint")
	m := newMemory()
	m.publish("acme/hello", "1.0.0")
	judge := &verifierOfPolicy{policy: "before"}
	log := slog.New(slog.DiscardHandler)
	in, err := ingest.New(ingest.Options{Source: m, Withheld: ingest.NothingWithheld, Live: catalog.NewLive(catalog.LiveOptions{}), Verifier: judge, Checkpoint: path, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	reconcile := func() {
		t.Helper()
		if _, err := in.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	whole := func() bool {
		t.Helper()
		if err := in.Save(); err != nil {
			t.Fatal(err)
		}
		_, whole := ingest.Restore(path, judge, false, log)
		return whole
	}
	reconcile()
	if !whole() {
		t.Fatal("no checkpoint after the first walk")
	}
	judge.mu.Lock()
	judge.policy = "after"
	judge.mu.Unlock()
	m.publish("acme/hello", "1.1.0")
	if c, err := in.Check(t.Context()); err != nil || len(c.Differ) != 1 { // and mends it
		t.Fatalf("check: %+v, %v", c, err)
	}
	if whole() {
		t.Error("what the earlier policy judged was kept as judged by the new one")
	}
	reconcile()
	if !whole() {
		t.Error("no checkpoint after a walk by the new policy")
	}
}

// BenchmarkPublishToVisible measures from the event of a push to the catalog
// that shows it, one after the other.
func BenchmarkPublishToVisible(b *testing.B) {
	m := newMemory()
	for i := range 400 {
		for v := range 12 {
			m.publish(fmt.Sprintf("acme/plugin-%d", i), fmt.Sprintf("1.%d.0", v))
		}
	}
	in, live := run(b, m, func(o *ingest.Options) { o.Interval = 1 })
	var at digest.Digest
	for i := 0; b.Loop(); i++ {
		repo, version := fmt.Sprintf("acme/plugin-%d", i%400), fmt.Sprintf("2.%d.0", i)
		d := m.publish(repo, version)
		in.Notify(repo, version, d.Digest, "")
		settle(b, in)
		at = live.Current().Snapshot.Digest()
	}
	_ = at
}
