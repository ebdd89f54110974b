package signature_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/types"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
)

// crowds are ways to lay one more piece of junk about d beside the first n.
var crowds = map[string]func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int){
	"layers of a tag": func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int) {
		s.grow(t, "sig", d, s.junkLayer(t, k, d, n))
	},
	"referrers of cosign 2": func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int) {
		s.attach(inReferrer, d, imageManifest(artifact.TypeCosignSignature, s.junkLayer(t, k, d, n)))
	},
	"bundles": func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int) {
		s.attach(inReferrer, d, s.bundleManifest(bundle(t, k, fmt.Appendf(statement(d.Digest, types.CosignSignPredicateType), "\n%*s", n, ""))))
	},
	"attestations in a tag": func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int) {
		s.grow(t, "att", d, s.blob(artifact.TypeDSSE, envelope(t, k, junkStatement(d, n))))
	},
	"attestations as referrers": func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int) {
		s.attach(inReferrer, d, imageManifest(types.IntotoPayloadType, s.blob(artifact.TypeDSSE, envelope(t, k, junkStatement(d, n)))))
	},
	"attestations as bundles": func(t testing.TB, s *store, k key, d ocispec.Descriptor, n int) {
		s.attach(inReferrer, d, s.bundleManifest(bundle(t, k, junkStatement(d, n))))
	},
}

func junkStatement(d ocispec.Descriptor, n int) []byte {
	return statement(d.Digest, fmt.Sprint("https://example.org/junk/", n))
}

func (s *store) junkLayer(t testing.TB, k key, d ocispec.Descriptor, n int) ocispec.Descriptor {
	return s.simple(t, k, append(claim(t, d.Digest), strings.Repeat(" ", n)...))
}

// grow adds a layer behind those of the tag of d.
func (s *store) grow(t testing.TB, suffix string, d ocispec.Descriptor, layer ocispec.Descriptor) {
	t.Helper()
	m := imageManifest("")
	if at, ok := s.tags[artifact.DigestTag(d.Digest, suffix)]; ok {
		parsed, err := artifact.ParseManifest(ocispec.MediaTypeImageManifest, s.bytes[at])
		if err != nil {
			t.Fatal(err)
		}
		m.Layers = parsed.Layers
	}
	m.Layers = append(m.Layers, layer)
	s.attachAs(suffix, inTag, d, m)
}

// bothJudges judge as a server does.
type bothJudges struct {
	signed   *signature.Judge
	attested *attest.Judge
}

func bothBy(t testing.TB, k key) bothJudges {
	t.Helper()
	signed := judgeWith(t, fmt.Sprintf("namespaces: {acme: {signers: [{name: %s, key: {file: %s}}], attestations: [{type: sbom}]}}", k.name, k.name))
	attested, err := attest.New(signed, 0)
	if err != nil {
		t.Fatal(err)
	}
	return bothJudges{signed, attested}
}

type judgement struct {
	signature    policy.Signature
	attestations policy.Attestations
}

func (j bothJudges) judge(t testing.TB, s policy.Reader, d digest.Digest) judgement {
	t.Helper()
	subject := policy.Subject{Publisher: "acme", Digest: d}
	sig, err := j.signed.Judge(t.Context(), subject, s)
	if err != nil {
		t.Fatal(err)
	}
	all, err := j.attested.Judge(t.Context(), subject, s)
	if err != nil {
		t.Fatal(err)
	}
	return judgement{sig, all}
}

// TestOnePieceMoreIsVerifiedAlone_G1: whoever may push adds junk, and each push
// costs what is new and not what is there. What a judge that remembers says is
// what one says that never saw anything.
func TestOnePieceMoreIsVerifiedAlone_G1(t *testing.T) {
	t.Parallel()
	const there = 60
	for name, add := range crowds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, k, stranger := newStore(), keys()["ecdsa-p256"], keys()["stranger"]
			d := s.version("1.0.0")
			s.attach(inReferrer, d, s.signed(t, k, d))
			s.attachAs("att", inReferrer, d, s.attested(t, k, d, attest.TypeSPDX))
			for n := range there {
				add(t, s, stranger, d, n)
			}
			j := bothBy(t, k)
			j.judge(t, s, d.Digest)
			first := j.signed.Verifications()
			if first < there {
				t.Fatalf("%d verifications of %d pieces", first, there)
			}
			for n := range 3 {
				add(t, s, stranger, d, there+n)
				before, reads := j.signed.Verifications(), s.reads
				got := j.judge(t, s, d.Digest)
				// A bundle is looked at as a signature and as an attestation.
				if verified := j.signed.Verifications() - before; verified < 1 || verified > 2 {
					t.Errorf("one piece beside %d costs %d verifications", there+n, verified)
				}
				if read := s.reads - reads; read > 6 {
					t.Errorf("one piece beside %d costs %d reads", there+n, read)
				}
				if fresh := bothBy(t, k).judge(t, s, d.Digest); !reflect.DeepEqual(got, fresh) {
					t.Errorf("it remembers\n%+v\nand one that remembers nothing says\n%+v", got, fresh)
				}
				if got.signature.Status != policy.Verified || !got.attestations.Verdict().Outcome().Allowed() {
					t.Errorf("the junk hides what is good: %+v", got)
				}
			}
		})
	}
}

// TestWhatCouldNotBeReadIsLookedAtAgain_G1: only what was told for good is
// remembered, also where others are beside it.
func TestWhatCouldNotBeReadIsLookedAtAgain_G1(t *testing.T) {
	t.Parallel()
	s, k := newStore(), keys()["ecdsa-p256"]
	d := s.version("1.0.0")
	good, sbom := s.signed(t, k, d), s.attested(t, k, d, attest.TypeSPDX)
	lost := map[digest.Digest]bool{s.attach(inReferrer, d, good): true, s.attach(inReferrer, d, sbom): true,
		good.Layers[0].Digest: true, sbom.Layers[0].Digest: true}
	for of := range lost {
		s.fault[of.String()] = errors.New("the disk says no")
		j := bothBy(t, k)
		got := j.judge(t, s, d.Digest)
		if got.signature.Settled() && got.attestations.Settled() {
			t.Errorf("%s cannot be read, and it is settled: %+v", of, got)
		}
		delete(s.fault, of.String())
		if got := j.judge(t, s, d.Digest); got.signature.Status != policy.Verified || !got.attestations.Verdict().Outcome().Allowed() {
			t.Errorf("%s can be read again: %+v", of, got)
		}
	}
}

// TestNothingIsRememberedOfWhoeverLeft_G1: a request that ends in the middle of
// a verification proves nothing about the evidence.
func TestNothingIsRememberedOfWhoeverLeft_G1(t *testing.T) {
	t.Parallel()
	s, k := newStore(), keys()["ecdsa-p256"]
	d := s.version("1.0.0")
	s.attach(inReferrer, d, s.signed(t, k, d))
	s.attach(inReferrer, d, s.attested(t, k, d, attest.TypeSPDX))
	j := bothBy(t, k)
	subject := policy.Subject{Publisher: "acme", Digest: d.Digest}
	for left := range 8 {
		ctx, leave := context.WithCancel(t.Context())
		r := &leaving{store: s, leave: leave, after: left}
		_, _ = j.signed.Judge(ctx, subject, r)
		_, _ = j.attested.Judge(ctx, subject, r)
		leave()
	}
	if got := j.judge(t, s, d.Digest); got.signature.Status != policy.Verified || !got.attestations.Verdict().Outcome().Allowed() {
		t.Errorf("got %+v", got)
	}
}

// leaving ends its context after so many reads of blobs.
type leaving struct {
	*store
	leave context.CancelFunc
	after int
}

func (l *leaving) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	if l.after--; l.after < 0 {
		l.leave()
		return nil, ctx.Err()
	}
	return l.store.Blob(ctx, d, limit)
}

// TestBoundsAreJudgedAnew_G3: what a signature proves stays, and whether it
// counts changes with the bounds of the policy, also while junk is added.
func TestBoundsAreJudgedAnew_G3(t *testing.T) {
	t.Parallel()
	i, k := newInstance(t), keys()["ecdsa-p256"]
	s, now := newStore(), time.Now()
	d := s.version("1.0.0")
	s.attach(inReferrer, d, s.witnessed(t, policy.FormatBundle, k, d, func(w *witness, _, sig []byte) { i.stamp(t, w, sig) }))
	bound := func(from time.Duration) string {
		return ", revoked: {from: '" + now.Add(from).UTC().Format(time.RFC3339) + "', before: keep}"
	}
	j := i.bounding(t, k, bound(time.Hour))
	for n, row := range []struct {
		bounds string
		want   policy.SignatureStatus
	}{{bound(time.Hour), policy.Verified}, {bound(-time.Hour), policy.Unverified}, {bound(2 * time.Hour), policy.Verified}, {bound(-2 * time.Hour), policy.Unverified}, {"", policy.Verified}} {
		if err := j.SetTrust(i.bounding(t, k, row.bounds).Trust()); err != nil {
			t.Fatal(err)
		}
		for m := range 2 {
			s.attach(inReferrer, d, imageManifest(artifact.TypeCosignSignature, s.junkLayer(t, keys()["stranger"], d, 2*n+m)))
			if sig := judge(t, j, s, d.Digest); sig.Status != row.want {
				t.Errorf("%s: got %q, want %q: %+v", row.bounds, sig.Status, row.want, sig.Evidence)
			}
		}
	}
}

// TestAVerdictIsOfItsSubjectAndNamespace_G1: one layer, two subjects and two
// namespaces, in all orders.
func TestAVerdictIsOfItsSubjectAndNamespace_G1(t *testing.T) {
	t.Parallel()
	k, other := keys()["ecdsa-p256"], keys()["ed25519"]
	j := judgeWith(t, fmt.Sprintf("namespaces: {acme: {signers: [{name: k, key: {file: %s}}]}, other: {signers: [{name: o, key: {file: %s}}]}}", k.name, other.name))
	s := newStore()
	one, two := s.version("1.0.0"), s.version("2.0.0")
	m := s.signed(t, k, one)
	s.attach(inTag, one, m)
	s.attach(inTag, two, m)
	for range 2 {
		for _, row := range []struct {
			publisher string
			of        digest.Digest
			want      policy.SignatureStatus
		}{{"acme", two.Digest, policy.Invalid}, {"acme", one.Digest, policy.Verified}, {"other", one.Digest, policy.Unverified}, {"acme", one.Digest, policy.Verified}, {"nobody", one.Digest, policy.Unverified}} {
			sig, err := j.Judge(t.Context(), policy.Subject{Publisher: row.publisher, Digest: row.of}, s)
			if err != nil || sig.Status != row.want {
				t.Errorf("%s of %s: got %q, %v, want %q", row.of, row.publisher, sig.Status, err, row.want)
			}
		}
	}
}

// TestAFindingIsShort: what others write makes no judgement long.
func TestAFindingIsShort_G1(t *testing.T) {
	t.Parallel()
	s, k := newStore(), keys()["ecdsa-p256"]
	d := s.version("1.0.0")
	long := bytes.Repeat([]byte("ä"), 20<<10)
	s.attach(inTag, d, imageManifest("", s.simple(t, k, fmt.Appendf(nil, `{"critical":{%q:1,"Type":2,"type":3}}`, long))))
	s.attachAs("att", inTag, d, imageManifest("", s.blob(artifact.TypeDSSE, envelope(t, k, fmt.Appendf(nil, `{%q:{"a":1,"a":2}}`, long)))))
	got := bothBy(t, k).judge(t, s, d.Digest)
	all := slices.Concat(got.signature.Evidence, got.attestations.Evidence)
	if len(all) < 2 {
		t.Fatalf("got %+v", got)
	}
	for _, f := range all {
		if len(f.Detail) > 2048 {
			t.Errorf("%d bytes: %.80s…", len(f.Detail), f.Detail)
		}
	}
}

// BenchmarkOnePieceMore is what a push of one piece of junk costs a judge that
// knows n.
func BenchmarkOnePieceMore(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, k, stranger := newStore(), keys()["ecdsa-p256"], keys()["stranger"]
			d := s.version("1.0.0")
			for i := range n {
				crowds["layers of a tag"](b, s, stranger, d, i)
			}
			j := bothBy(b, k)
			j.judge(b, s, d.Digest)
			before := j.signed.Verifications()
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				crowds["layers of a tag"](b, s, stranger, d, n+i)
				b.StartTimer()
				j.judge(b, s, d.Digest)
			}
			b.ReportMetric(float64(j.signed.Verifications()-before)/float64(b.N), "verifications/op")
		})
	}
}
