package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy"
)

// Proves G3: where nobody was named who judges, or who knows what is blocked,
// no version is listed, and each says what is missing.
func TestAMissingGuardListsNothing_G3(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		without func(*ingest.Options)
		want    string
	}{
		"no judge":            {func(o *ingest.Options) { o.Verifier = nil }, "no judge of signatures"},
		"no judge, dev":       {func(o *ingest.Options) { o.Verifier, o.ListDeniedUnsafe = nil, true }, "no judge of signatures"},
		"nobody knows blocks": {func(o *ingest.Options) { o.Withheld = nil }, "nobody was named who knows what is blocked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good", true)
			_, live := run(t, m, row.without)
			plugin, ok := live.Current().Snapshot.Plugin(mustName(t, "acme/hello"))
			if !ok {
				t.Fatal("there is no acme/hello")
			}
			if pending := fmt.Sprint(plugin.Versions[0].Pending); !strings.Contains(pending, row.want) {
				t.Errorf("pending %s, want %q", pending, row.want)
			}
		})
	}
}

// run starts an Ingester over m and waits until it serves.
func run(t testing.TB, m *memory, change func(*ingest.Options)) (*ingest.Ingester, *catalog.Live) {
	t.Helper()
	live := catalog.NewLive(catalog.LiveOptions{})
	opts := ingest.Options{Source: m, Withheld: ingest.NothingWithheld, Live: live, Verifier: annotationVerifier{}, Interval: 1, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&opts)
	}
	in, err := ingest.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := in.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	done.Go(func() { housekeep(ctx, in) })
	t.Cleanup(func() { stop(); done.Wait() })
	select {
	case <-in.ReadyC():
	case <-t.Context().Done():
		t.Fatal("not ready")
	}
	return in, opts.Live
}

// housekeep calls Housekeep as a server does, until ctx ends.
func housekeep(ctx context.Context, in *ingest.Ingester) {
	tick := time.NewTicker(ingest.HousekeepEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = in.Housekeep(ctx) // the test looks at what it did
		case <-ctx.Done():
			return
		}
	}
}

func settle(t testing.TB, in *ingest.Ingester) {
	t.Helper()
	if err := in.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// said tells of each version and broken tag of a plugin why it is not listed.
func said(t testing.TB, live *catalog.Live, repo string) map[string]string {
	t.Helper()
	p, ok := live.Current().Snapshot.Plugin(mustName(t, repo))
	if !ok {
		return nil
	}
	out := map[string]string{}
	for _, v := range p.Versions {
		out[v.Version.String()] = strings.Trim(codes(v.Pending)+" "+string(v.Signature.Status), " ")
	}
	for _, b := range p.Broken {
		out["tag "+b.Tag] = codes(b.Reasons)
	}
	return out
}

func codes(reasons []index.Reason) string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.Code)
	}
	return strings.Join(out, ",")
}

func TestAVersionIsListedAsItsSignatureArrives_A1(t *testing.T) {
	t.Parallel()
	for name, asTag := range map[string]bool{"in the tag": true, "as a referrer": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			in, live := run(t, m, nil)
			d := m.publish("acme/hello", "1.0.0")
			other := m.publish("acme/hello", "1.1.0")
			in.Notify("acme/hello", "1.0.0", d.Digest, "")
			in.Notify("acme/hello", "1.1.0", other.Digest, "")
			settle(t, in)
			want := map[string]string{"1.0.0": "unsigned unsigned", "1.1.0": "unsigned unsigned"}
			if diff := cmp.Diff(want, said(t, live, "acme/hello")); diff != "" {
				t.Fatalf("before signing (-want +got):\n%s", diff)
			}
			sig, tag, subject := m.sign("acme/hello", d, "good", asTag), "", d.Digest
			if asTag {
				tag, subject = artifact.DigestTag(d.Digest, "sig"), ""
			}
			in.Notify("acme/hello", tag, sig, subject)
			settle(t, in)
			want["1.0.0"] = "verified"
			if diff := cmp.Diff(want, said(t, live, "acme/hello")); diff != "" {
				t.Errorf("after signing (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOnlyWhatWasTouchedIsReadAgain(t *testing.T) {
	t.Parallel()
	m := newMemory()
	first := m.publish("acme/hello", "1.0.0")
	firstSig := m.sign("acme/hello", first, "good", true)
	in, live := run(t, m, nil)
	manifests, signatures := m.read(first.Digest), m.read(firstSig)
	second := m.publish("acme/hello", "1.1.0")
	in.Notify("acme/hello", "1.1.0", second.Digest, "")
	settle(t, in)
	if got := m.read(first.Digest) - manifests; got != 0 {
		t.Errorf("the manifest of the untouched version was read %d times again", got)
	}
	if got := m.read(firstSig) - signatures; got != 0 {
		t.Errorf("the signature of the untouched version was read %d times again", got)
	}
	want := map[string]string{"1.0.0": "verified", "1.1.0": "unsigned unsigned"}
	if diff := cmp.Diff(want, said(t, live, "acme/hello")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// swayed is a judge whose policy may change, so that nobody is trusted.
type swayed struct {
	annotationVerifier
	strict atomic.Bool
}

func (j *swayed) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	sig, err := j.annotationVerifier.Signature(ctx, s, r)
	if j.strict.Load() {
		sig.Status, sig.Vote = policy.Unverified, policy.Finding{Code: policy.CodeUnverified, Outcome: policy.Deny, Detail: "nobody is trusted"}
	}
	return sig, err
}

func TestAnotherPolicyJudgesAllAndReadsNoVersionAgain_G3(t *testing.T) {
	t.Parallel()
	m := newMemory()
	d := m.publish("acme/hello", "1.0.0")
	m.sign("acme/hello", d, "good", true)
	j := &swayed{}
	in, live := run(t, m, func(o *ingest.Options) { o.Verifier = j })
	for _, strict := range []bool{true, false} {
		j.strict.Store(strict)
		manifests := m.read(d.Digest)
		report, err := in.Reverify(t.Context())
		if err != nil || report.Versions != 1 || !report.Done {
			t.Fatalf("%+v, %v", report, err)
		}
		if got := m.read(d.Digest) - manifests; got != 0 {
			t.Errorf("the version was read %d times again", got)
		}
		want := map[string]string{"1.0.0": "verified"}
		if strict {
			want = map[string]string{"1.0.0": index.ReasonSignatureUnknown + " unverified"}
		}
		if diff := cmp.Diff(want, said(t, live, "acme/hello")); diff != "" {
			t.Errorf("strict %v (-want +got):\n%s", strict, diff)
		}
		rebuilt, err := in.Rebuild(t.Context())
		if err != nil || rebuilt.Digest() != live.Current().Snapshot.Digest() {
			t.Errorf("strict %v: serves %s, rebuilt %s, %v", strict, live.Current().Snapshot.Digest(), rebuilt.Digest(), err)
		}
	}
}

func TestNothingIsAMissingLine_C9(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	for name, row := range map[string]struct {
		make func(m *memory)
		want map[string]string
	}{
		"a manifest that is no JSON": {func(m *memory) {
			d := m.blob(repo, []byte("{"))
			m.repo(repo).types[d] = ocispec.MediaTypeImageManifest
			m.tag(repo, "1.0.0", d)
		}, map[string]string{"tag 1.0.0": "malformed"}},
		"a manifest of something else": {func(m *memory) {
			manifest := versionManifest(ocispec.DescriptorEmptyJSON)
			manifest.ArtifactType = "application/x"
			m.manifest(repo, "1.0.0", manifest)
		}, map[string]string{"tag 1.0.0": "malformed"}},
		"a version that says it is another": {func(m *memory) {
			m.manifest(repo, "1.0.0", versionManifest(m.config(repo, "1.0.1", "")))
		}, map[string]string{"tag 1.0.0": "malformed"}},
		"a version of another plugin under another tag": {func(m *memory) {
			c := m.config("acme/other", "1.0.1", "")
			m.repo(repo).bytes[c.Digest] = m.repo("acme/other").bytes[c.Digest]
			m.manifest(repo, "1.0.0", versionManifest(c))
		}, map[string]string{"tag 1.0.0": "malformed,malformed"}},
		"a tag outside the grammar": {func(m *memory) {
			m.tag(repo, "v1.0.0", m.publish(repo, "1.0.0").Digest)
		}, map[string]string{"tag v1.0.0": "malformed", "1.0.0": "unsigned unsigned"}},
		"a manifest that is gone": {func(m *memory) {
			m.tag(repo, "1.0.0", digest.FromString("gone"))
		}, map[string]string{"tag 1.0.0": "could_not_tell"}},
		"a manifest that cannot be read": {func(m *memory) {
			m.faults[m.publish(repo, "1.0.0").Digest.String()] = errDisk
		}, map[string]string{"tag 1.0.0": "could_not_tell"}},
		"a manifest whose bytes are damaged": {func(m *memory) {
			d := m.publish(repo, "1.0.0").Digest
			m.repo(repo).bytes[d] = []byte(strings.Replace(string(m.repo(repo).bytes[d]), "plugin", "plugim", 1))
		}, map[string]string{"tag 1.0.0": "could_not_tell"}},
		"a config that is gone": {func(m *memory) {
			c := m.config(repo, "1.0.0", "")
			m.manifest(repo, "1.0.0", versionManifest(c))
			delete(m.repo(repo).bytes, c.Digest)
		}, map[string]string{"tag 1.0.0": "could_not_tell"}},
		"a config whose bytes are damaged": {func(m *memory) {
			c := m.config(repo, "1.0.0", "")
			m.manifest(repo, "1.0.0", versionManifest(c))
			m.repo(repo).bytes[c.Digest] = make([]byte, c.Size)
		}, map[string]string{"tag 1.0.0": "could_not_tell"}},
		"evidence that cannot be listed": {func(m *memory) {
			m.faults["referrers "+m.publish(repo, "1.0.0").Digest.String()] = errDisk
		}, map[string]string{"1.0.0": "could_not_tell unverified"}},
		"evidence that is gone": {func(m *memory) {
			m.tag(repo, artifact.DigestTag(m.publish(repo, "1.0.0").Digest, "sig"), digest.FromString("gone"))
		}, map[string]string{"1.0.0": "could_not_tell unverified"}},
		"a signature by a stranger": {func(m *memory) {
			m.sign(repo, m.publish(repo, "1.0.0"), "evil", true)
		}, map[string]string{"1.0.0": "signature_unverified unverified"}},
		"one tag that is damaged where it is stored": {func(m *memory) {
			m.publish(repo, "1.0.0")
			m.faults["tags "+repo] = errors.Join(damagedTag("2.0.0"))
		}, map[string]string{"tag 2.0.0": "could_not_tell", "1.0.0": "unsigned unsigned"}},
		"tags that cannot be listed": {func(m *memory) {
			m.publish(repo, "1.0.0")
			m.faults["tags "+repo] = errDisk
		}, map[string]string{"tag ": "could_not_tell"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMemory()
			m.sign("acme/good", m.publish("acme/good", "1.0.0"), "good", true)
			row.make(m)
			_, live := run(t, m, nil)
			if diff := cmp.Diff(row.want, said(t, live, repo)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]string{"1.0.0": "verified"}, said(t, live, "acme/good")); diff != "" {
				t.Errorf("the other plugin (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCouldNotBeListedKeepsItsRows(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.publish("acme/hello", "1.0.0")
	in, live := run(t, m, nil)
	before := live.Current().Snapshot.Digest()
	m.fault("tags acme/hello", errDisk)
	in.Touch("acme/hello")
	settle(t, in)
	report, err := in.Reconcile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"acme/hello"}, report.Failed); diff != "" {
		t.Errorf("failed repositories (-want +got):\n%s", diff)
	}
	if got := live.Current().Snapshot.Digest(); got != before {
		t.Errorf("the catalog changed to %s: %v", got, said(t, live, "acme/hello"))
	}
	m.fault("repositories", errDisk)
	if _, err := in.Reconcile(t.Context()); err == nil {
		t.Error("a walk that could not list the repositories says that it is whole")
	}
	if got := live.Current().Snapshot.Digest(); got != before {
		t.Errorf("the catalog changed to %s after a walk that failed", got)
	}
}

func TestWhatWasDamagedIsTriedAgain(t *testing.T) {
	t.Parallel()
	m := newMemory()
	d := m.publish("acme/hello", "1.0.0")
	m.sign("acme/hello", d, "good", true)
	m.fault(d.Digest.String(), errDisk)
	_, live := run(t, m, nil)
	if diff := cmp.Diff(map[string]string{"tag 1.0.0": "could_not_tell"}, said(t, live, "acme/hello")); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	generations, stop := live.Subscribe()
	defer stop()
	m.fault(d.Digest.String(), nil)
	select {
	case <-generations:
	case <-t.Context().Done():
		t.Fatal("no generation")
	}
	if diff := cmp.Diff(map[string]string{"1.0.0": "verified"}, said(t, live, "acme/hello")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnUnsettledVersionIsJudgedWithEveryTouch(t *testing.T) {
	t.Parallel()
	m := newMemory()
	d := m.publish("acme/hello", "1.0.0")
	m.fault(m.sign("acme/hello", d, "good", true).String(), errDisk)
	stopped := time.Now() // so that nothing is tried again by itself
	in, live := run(t, m, func(o *ingest.Options) { o.Now = func() time.Time { return stopped } })
	if diff := cmp.Diff(map[string]string{"1.0.0": "could_not_tell unverified"}, said(t, live, "acme/hello")); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	m.fault(m.sign("acme/hello", d, "good", true).String(), nil)
	in.Notify("acme/hello", "1.1.0", m.publish("acme/hello", "1.1.0").Digest, "")
	settle(t, in)
	if diff := cmp.Diff(map[string]string{"1.0.0": "verified", "1.1.0": "unsigned unsigned"}, said(t, live, "acme/hello")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestATagThatMovedIsReadAgain(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good", true)
	in, live := run(t, m, nil)
	c := m.config("acme/hello", "1.0.0", "another")
	moved := m.manifest("acme/hello", "1.0.0", versionManifest(c))
	in.Notify("acme/hello", "1.0.0", moved.Digest, "")
	settle(t, in)
	if diff := cmp.Diff(map[string]string{"1.0.0": "unsigned unsigned"}, said(t, live, "acme/hello")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDevListsWhatIsUnsigned(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.publish("acme/hello", "1.0.0")
	m.sign("acme/hello", m.publish("acme/hello", "1.1.0"), "evil", true)
	m.tag("acme/hello", artifact.DigestTag(m.publish("acme/hello", "1.2.0").Digest, "sig"), digest.FromString("gone"))
	_, live := run(t, m, func(o *ingest.Options) { o.ListDeniedUnsafe = true })
	want := map[string]string{"1.0.0": "unsigned", "1.1.0": "unverified", "1.2.0": "could_not_tell unverified"}
	if diff := cmp.Diff(want, said(t, live, "acme/hello")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWithoutAJudgeNothingIsListed(t *testing.T) {
	t.Parallel()
	m := newMemory()
	m.sign("acme/hello", m.publish("acme/hello", "1.0.0"), "good", true)
	_, live := run(t, m, func(o *ingest.Options) { o.Verifier, o.ListDeniedUnsafe = nil, true })
	if diff := cmp.Diff(map[string]string{"1.0.0": "could_not_tell unverified"}, said(t, live, "acme/hello")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAVersionIsDerivedWhole(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	m := newMemory()
	config := m.config(repo, "1.0.0+b7", "# Hello")
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, ArtifactType: artifact.TypePlugin}
	var want []artifact.Build
	for i, platform := range []string{"linux/amd64", "darwin/arm64"} {
		manifest := versionManifest(config)
		manifest.Layers = []ocispec.Descriptor{{MediaType: "text/plain", Digest: digest.FromString(platform), Size: int64(10 + i)}}
		child := m.manifest(repo, "", manifest)
		p, err := artifact.ParsePlatform(platform)
		if err != nil {
			t.Fatal(err)
		}
		child.Platform = p.OCI()
		index.Manifests = append(index.Manifests, child)
		want = append(want, artifact.Build{Platform: p, Digest: child.Digest})
	}
	root := m.manifest(repo, "1.0.0_b7", index)
	m.tag(repo, "stable", root.Digest)
	_, live := run(t, m, nil)
	p, ok := live.Current().Snapshot.Plugin(mustName(t, repo))
	if !ok || len(p.Versions) != 1 {
		t.Fatalf("got %+v, want one version", p)
	}
	v := p.Versions[0]
	if v.Version.String() != "1.0.0+b7" || v.Digest != root.Digest || v.MediaType != ocispec.MediaTypeImageIndex || v.ArtifactType != artifact.TypePlugin {
		t.Errorf("got %s %s %s %s", v.Version, v.Digest, v.MediaType, v.ArtifactType)
	}
	if diff := cmp.Diff(fmt.Sprint(want), fmt.Sprint(v.Builds)); diff != "" {
		t.Errorf("builds (-want +got):\n%s", diff)
	}
	size := root.Size + index.Manifests[0].Size + index.Manifests[1].Size + 2*config.Size + 10 + 11
	if v.Size != size {
		t.Errorf("size: got %d, want %d", v.Size, size)
	}
	if v.Config != config.Digest || v.Plugin.Readme != "" {
		t.Errorf("readme is to be found in %q and is %q here, want %q and nothing", v.Config, v.Plugin.Readme, config.Digest)
	}
	if diff := cmp.Diff(map[string]digest.Digest{"stable": root.Digest}, p.Channels); diff != "" {
		t.Errorf("channels (-want +got):\n%s", diff)
	}
}
