package signature_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

func judge(t testing.TB, j *signature.Judge, r policy.Reader, d digest.Digest) policy.Signature {
	t.Helper()
	sig, err := j.Judge(context.Background(), policy.Subject{Publisher: "acme", Digest: d}, r)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

func (s *store) signed(t testing.TB, k key, d ocispec.Descriptor) ocispec.Manifest {
	return imageManifest(artifact.TypeCosignSignature, s.simple(t, k, claim(t, d.Digest)))
}

// policyOf parses a policy whose signers are the named test keys.
func policyOf(t testing.TB, text string) *trust.Policy {
	t.Helper()
	p, err := trust.Parse([]byte(text), func(name string) ([]byte, error) {
		return publicPEM(t, keys()[name]), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func judgeWith(t testing.TB, text string) *signature.Judge {
	t.Helper()
	j, err := signature.New(signature.Options{Trust: policyOf(t, text)})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestTheNamespaceDecides_G3(t *testing.T) {
	t.Parallel()
	const two = "namespaces: {acme: {threshold: 2, signers: [{name: a, key: {file: ecdsa-p256}}, {name: b, key: {file: ed25519}}]}}"
	for name, row := range map[string]struct {
		policy string
		sign   []string // keys
		want   string   // status, code, outcome
	}{
		"nobody speaks for the namespace":                       {"namespaces: {other: {signers: [{name: a, key: {file: ed25519}}]}}", []string{"ed25519"}, "unverified no_trust_policy deny"},
		"nobody speaks for the namespace and nothing is signed": {"namespaces: {other: {signers: [{name: a, key: {file: ed25519}}]}}", nil, "unsigned no_trust_policy deny"},
		"the key of another namespace counts for nothing":       {"namespaces: {acme: {signers: [{name: b, key: {file: rsa}}]}, other: {signers: [{name: a, key: {file: ed25519}}]}}", []string{"ed25519"}, "unverified signature_unverified deny"},
		"everyone's key counts where there is no own entry":     {"namespaces: {'*': {signers: [{name: a, key: {file: ed25519}}]}}", []string{"ed25519"}, "verified signature_verified allow"},
		"everyone's key does not count beside an own entry":     {"namespaces: {acme: {signers: [{name: b, key: {file: rsa}}]}, '*': {signers: [{name: a, key: {file: ed25519}}]}}", []string{"ed25519"}, "unverified signature_unverified deny"},
		"an unsigned version where one is required":             {"namespaces: {acme: {signers: [{name: a, key: {file: ed25519}}]}}", nil, "unsigned unsigned deny"},
		"an unsigned version where none is required":            {"namespaces: {acme: {signature: optional}}", nil, "unsigned signature_optional allow"},
		"a stranger's signature where none is required":         {"namespaces: {acme: {signature: optional}}", []string{"stranger"}, "unverified signature_optional allow"},
		"one of two":                     {two, []string{"ed25519"}, "unverified signature_unverified deny"},
		"the same one twice":             {two, []string{"ed25519", "ed25519"}, "unverified signature_unverified deny"},
		"two of two":                     {two, []string{"ed25519", "ecdsa-p256"}, "verified signature_verified allow"},
		"two of two beside a stranger's": {two, []string{"stranger", "ed25519", "ecdsa-p256"}, "verified signature_verified allow"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			d := s.version("1.0.0")
			for _, k := range row.sign {
				s.attach(inReferrer, d, s.signed(t, keys()[k], d))
			}
			sig := judge(t, judgeWith(t, row.policy), s, d.Digest)
			if got := fmt.Sprintf("%s %s %s", sig.Status, sig.Vote.Code, sig.Vote.Outcome); got != row.want {
				t.Errorf("got %s, want %s: %+v", got, row.want, sig)
			}
		})
	}
}

func TestTheSameSignatureCountsOnce_G1(t *testing.T) {
	t.Parallel()
	s := newStore()
	d := s.version("1.0.0")
	m := s.signed(t, keys()["ecdsa-p256"], d)
	s.attach(inTag, d, m)
	s.attach(inBoth, d, m)
	s.attach(inFallback, d, m)
	raw := s.bundleManifest(bundle(t, keys()["ecdsa-p256"], statement(d.Digest, types.CosignSignPredicateType)))
	s.attach(inBoth, d, raw)
	s.attach(inFallback, d, raw)
	sig := judge(t, judgeOf(t, keys()["ecdsa-p256"]), s, d.Digest)
	if got, once := len(sig.Digests), len(slices.Compact(slices.Clone(sig.Digests))); got != once {
		t.Errorf("%d digests of evidence, %d of them different", got, once)
	}
	if len(sig.Evidence) != 2 || sig.Status != policy.Verified || sig.Format != policy.FormatCosignTag {
		t.Errorf("got %s in %s by %d pieces of evidence, want verified in the tag by 2: %+v", sig.Status, sig.Format, len(sig.Evidence), sig.Evidence)
	}
}

func TestAGoodSignatureStandsBesideBadOnes_G1(t *testing.T) {
	t.Parallel()
	s := newStore()
	d, other := s.version("1.0.0"), s.version("2.0.0")
	k := keys()["ecdsa-p256"]
	m := s.signed(t, keys()["stranger"], d)
	m.Layers = append(m.Layers, s.simple(t, k, claim(t, other.Digest)), s.simple(t, k, claim(t, d.Digest)), s.simple(t, k, []byte("{")))
	s.attach(inTag, d, m)
	s.fault[s.attach(inReferrer, d, s.signed(t, k, d)).String()] = errDisk
	sig := judge(t, judgeOf(t, k), listed{s, d.Digest, "", ""}, d.Digest)
	got := map[string]int{}
	for _, f := range sig.Evidence {
		got[f.Code]++
	}
	want := map[string]int{policy.CodeUnknownSigner: 1, policy.CodeOtherDigest: 1, policy.CodeEvidenceVerified: 1, policy.CodeMalformed: 1, policy.CodeEvidenceUnread: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if sig.Status != policy.Verified || !sig.Vote.Outcome.Allowed() {
		t.Errorf("got %+v, want verified", sig)
	}
	steps := sig.Trace()
	if len(steps) != 6 || steps[5].Outcome != policy.Allow || !strings.Contains(steps[5].Sentence, `"ecdsa-p256"`) {
		t.Errorf("trace: %+v", steps)
	}
}

func TestWhatCannotBeListedCannotBeTold(t *testing.T) {
	t.Parallel()
	k := keys()["ecdsa-p256"]
	for name, fault := range map[string]func(*store, digest.Digest) string{
		"the signature tag": func(_ *store, d digest.Digest) string { return artifact.DigestTag(d, "sig") },
		"the fallback tag":  func(_ *store, d digest.Digest) string { return artifact.DigestTag(d, "") },
		"the referrers":     func(*store, digest.Digest) string { return "referrers" },
		"the fallback index": func(s *store, d digest.Digest) string {
			at := s.manifest(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}).Digest
			s.tags[artifact.DigestTag(d, "")] = at
			return at.String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			d := s.version("1.0.0")
			at := fault(s, d.Digest)
			s.fault[at] = errDisk
			j := judgeOf(t, k)
			sig := judge(t, j, s, d.Digest)
			if sig.Status != "" || sig.Vote.Outcome != policy.Unknown || sig.Vote.Code != policy.CodeUnreadable || sig.Settled() {
				t.Errorf("got %+v, want could not tell", sig)
			}
			if optional, err := signature.New(signature.Options{Trust: policyOf(t, "namespaces: {acme: {signature: optional}}")}); err != nil {
				t.Fatal(err)
			} else if sig := judge(t, optional, s, d.Digest); sig.Vote.Outcome != policy.Unknown {
				t.Errorf("where none is required: got %+v, want could not tell", sig.Vote)
			}
			delete(s.fault, at) // nothing of it was kept
			if sig := judge(t, j, s, d.Digest); sig.Status != policy.Unsigned {
				t.Errorf("once it can be read: got %q, want unsigned", sig.Status)
			}
		})
	}
}

func TestWhatCouldNotBeReadIsNotKept(t *testing.T) {
	t.Parallel()
	k := keys()["ecdsa-p256"]
	for name, format := range map[string]func(*store, ocispec.Descriptor) ocispec.Manifest{
		"simple signing": func(s *store, d ocispec.Descriptor) ocispec.Manifest { return s.signed(t, k, d) },
		"bundle": func(s *store, d ocispec.Descriptor) ocispec.Manifest {
			return s.bundleManifest(bundle(t, k, statement(d.Digest, types.CosignSignPredicateType)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore()
			d := s.version("1.0.0")
			m := format(s, d)
			s.attach(inReferrer, d, m)
			s.fault[m.Layers[0].Digest.String()] = errDisk
			j := judgeOf(t, k)
			if sig := judge(t, j, s, d.Digest); sig.Status != "" {
				t.Fatalf("got %q, want could not tell", sig.Status)
			}
			clear(s.fault)
			if sig := judge(t, j, s, d.Digest); sig.Status != policy.Verified {
				t.Errorf("once it can be read: got %q, want verified", sig.Status)
			}
		})
	}
}

// Proves F14: what others put beside a signature neither hides it nor makes it
// count less, however much that is; of what does not count a part is told.
func TestNoCrowdHidesASignature_F14(t *testing.T) {
	t.Parallel()
	k := keys()["ecdsa-p256"]
	told := func(t *testing.T, sig policy.Signature, junk int) {
		t.Helper()
		last := sig.Evidence[len(sig.Evidence)-1]
		if sig.Status != policy.Verified || len(sig.Evidence) != signature.MaxFindings+2 || last.Code != policy.CodeTooMany ||
			!strings.HasPrefix(last.Detail, fmt.Sprintf("%d more pieces", junk-signature.MaxFindings)) {
			t.Errorf("got %q by %d findings, the last %+v", sig.Status, len(sig.Evidence), last)
		}
	}
	t.Run("layers before it", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		d := s.version("1.0.0")
		m := imageManifest(artifact.TypeCosignSignature)
		for i := range 1000 {
			layer := s.simple(t, keys()["stranger"], claim(t, d.Digest))
			layer.Annotations["n"] = fmt.Sprint(i)
			layer.Annotations[static.SignatureAnnotationKey] = base64.StdEncoding.EncodeToString([]byte(fmt.Sprint("junk", i)))
			m.Layers = append(m.Layers, layer)
		}
		m.Layers = append(m.Layers, s.simple(t, k, claim(t, d.Digest)))
		s.attach(inTag, d, m)
		told(t, judge(t, judgeOf(t, k), s, d.Digest), 1000)
	})
	t.Run("referrers", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		d := s.version("1.0.0")
		for i := range 1000 {
			m := imageManifest(artifact.TypeCosignSignature)
			m.Annotations = map[string]string{"n": fmt.Sprint(i)}
			s.attach(inReferrer, d, m)
		}
		s.attach(inReferrer, d, s.signed(t, k, d))
		told(t, judge(t, judgeOf(t, k), s, d.Digest), 1000)
	})
	t.Run("other referrers are not read at all", func(t *testing.T) {
		t.Parallel()
		s := newStore()
		d := s.version("1.0.0")
		for i := range 1000 {
			m := imageManifest("application/spdx+json")
			m.Annotations = map[string]string{"n": fmt.Sprint(i)}
			s.attach(inReferrer, d, m)
		}
		s.attach(inReferrer, d, s.signed(t, k, d))
		if sig := judge(t, judgeOf(t, k), s, d.Digest); sig.Status != policy.Verified || s.reads != 2 {
			t.Errorf("got %q after %d reads, want verified after 2", sig.Status, s.reads)
		}
	})
}

func TestTheIndexCoversItsChildren_G1(t *testing.T) {
	t.Parallel()
	k := keys()["ecdsa-p256"]
	j := judgeOf(t, k)
	s := newStore()
	child, stray := s.version("1.0.0"), s.version("1.0.0-stray")
	index := s.manifest(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex,
		ArtifactType: artifact.TypePlugin, Manifests: []ocispec.Descriptor{child}})
	s.attach(inTag, index, s.signed(t, k, index))
	within := func(d, index digest.Digest) policy.Signature {
		t.Helper()
		sig, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d, Within: index}, s)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	if sig := judge(t, j, s, child.Digest); sig.Status != policy.Unsigned {
		t.Errorf("the child alone: got %+v, want unsigned", sig)
	}
	if sig := within(child.Digest, index.Digest); sig.Status != policy.Verified || sig.Covered != index.Digest || !sig.Vote.Outcome.Allowed() || sig.Vote.Digest != child.Digest {
		t.Errorf("the child within the index: got %+v, want verified", sig)
	}
	if sig := within(stray.Digest, index.Digest); sig.Status == policy.Verified || sig.Vote.Outcome != policy.Deny {
		t.Errorf("a manifest that the index does not hold: got %+v", sig)
	}
	if sig := within(child.Digest, stray.Digest); sig.Status == policy.Verified || sig.Vote.Outcome != policy.Deny {
		t.Errorf("within something that is no index: got %+v", sig)
	}
	if sig := within(child.Digest, digest.FromString("gone")); sig.Vote.Outcome != policy.Unknown {
		t.Errorf("within an index that is gone: got %+v, want could not tell", sig)
	}
}

func TestJudgementsAreKeptByContent(t *testing.T) {
	t.Parallel()
	a, b := keys()["ecdsa-p256"], keys()["ed25519"]
	s := newStore()
	d := s.version("1.0.0")
	s.attach(inTag, d, s.signed(t, a, d))
	j := judgeOf(t, a)
	first := judge(t, j, s, d.Digest)
	reads := s.reads
	if again := judge(t, j, s, d.Digest); s.reads != reads || cmp.Diff(first, again) != "" {
		t.Errorf("the same evidence: %d reads more: %s", s.reads-reads, cmp.Diff(first, again))
	}
	before := j.Digest()
	if err := j.SetTrust(trust.Only(b.signer(t))); err != nil {
		t.Fatal(err)
	}
	if sig := judge(t, j, s, d.Digest); sig.Status != policy.Unverified || j.Digest() == before {
		t.Errorf("with another policy: got %q (digest changed: %v), want unverified", sig.Status, j.Digest() != before)
	}
	s.attach(inReferrer, d, s.signed(t, b, d))
	if sig := judge(t, j, s, d.Digest); sig.Status != policy.Verified {
		t.Errorf("with more evidence: got %q, want verified", sig.Status)
	}
	// An optional namespace votes otherwise about the same evidence.
	for publisher, want := range map[string]policy.Outcome{"acme": policy.Deny, "examples": policy.Allow} {
		j := judgeWith(t, "namespaces: {acme: {signers: [{name: x, key: {file: rsa}}]}, examples: {signature: optional, signers: [{name: x, key: {file: rsa}}]}}")
		sig, err := j.Judge(t.Context(), policy.Subject{Publisher: publisher, Digest: d.Digest}, s)
		if err != nil || sig.Vote.Outcome != want {
			t.Errorf("publisher %s: got %+v, %v, want %v", publisher, sig.Vote, err, want)
		}
	}
}

func TestAnEndedContextIsNoJudgement(t *testing.T) {
	t.Parallel()
	s := newStore()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if sig, err := judgeOf(t).Judge(ctx, policy.Subject{Publisher: "acme", Digest: s.version("1.0.0").Digest}, s); err == nil || sig.Vote.Outcome != policy.Unknown {
		t.Errorf("got %+v, %v", sig, err)
	}
}

func TestAJudgementTravelsAsJSON(t *testing.T) {
	t.Parallel()
	s := newStore()
	d := s.version("1.0.0")
	s.attach(inTag, d, s.signed(t, keys()["ed25519"], d))
	sig := judge(t, judgeOf(t, keys()["ed25519"]), s, d.Digest)
	raw, err := json.Marshal(sig)
	if err != nil {
		t.Fatal(err)
	}
	var back policy.Signature
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sig, back); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// BenchmarkJudge judges signed versions by a judge that remembers one of two.
func BenchmarkJudge(b *testing.B) {
	for _, form := range forms {
		for _, name := range []string{"ecdsa-p256", "ecdsa-p384", "ed25519", "rsa"} {
			b.Run(form+"/"+name, func(b *testing.B) {
				k := keys()[name]
				benchmarkJudge(b, judgeOf(b, k).Trust(), func(c *craft) ocispec.Manifest { return c.good(form, k, c.subject) })
			})
		}
	}
	i := newInstance(b)
	who := i.trusting(b, "issuer: '"+provider+"', subject: '"+someone+"'", ", certificate_log: optional").Trust()
	for form, build := range map[string]func(instance, testing.TB, *store, ocispec.Descriptor, time.Time, proof) ocispec.Manifest{
		simpleForm: instance.keylessSimple, bundleForm: instance.keylessBundle,
	} {
		b.Run(form+"/certificate", func(b *testing.B) {
			benchmarkJudge(b, who, func(c *craft) ocispec.Manifest {
				return build(i, b, c.s, c.subject, time.Now().Add(time.Minute), proof{true, true})
			})
		})
	}
}

func benchmarkJudge(b *testing.B, who *trust.Policy, build func(*craft) ocispec.Manifest) {
	j, err := signature.New(signature.Options{Trust: who, CacheSize: 1})
	if err != nil {
		b.Fatal(err)
	}
	var two [2]*craft
	for i := range two {
		c := &craft{t: b, s: newStore()}
		c.subject = c.s.version(fmt.Sprintf("%d.0.0", i))
		c.s.attach(inReferrer, c.subject, build(c))
		two[i] = c
	}
	before := processorTime(b)
	for i := 0; b.Loop(); i++ {
		c := two[i%2]
		if sig := judge(b, j, c.s, c.subject.Digest); sig.Status != policy.Verified {
			b.Fatal(sig)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// processorTime is what the process has cost the processors, whatever else
// they did meanwhile.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
