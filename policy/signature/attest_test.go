package signature_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/types"
)

func (s *store) attested(t testing.TB, k key, d ocispec.Descriptor, predicateType string) ocispec.Manifest {
	return imageManifest(types.IntotoPayloadType, s.blob(artifact.TypeDSSE, envelope(t, k, says(d.Digest, predicateType, attesttest.Good[predicateType]))))
}

func TestTheSameAttestationCountsOnce_G2(t *testing.T) {
	t.Parallel()
	s, k := newStore(), keys()["ecdsa-p256"]
	d := s.version("1.0.0")
	m := s.attested(t, k, d, attest.TypeSPDX)
	for _, place := range []string{inTag, inReferrer, inBoth, inFallback} {
		s.attachAs("att", place, d, m)
	}
	j := attestJudge(t, k, policy.KindSBOM)
	got, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d.Digest}, s)
	if err != nil || len(got.All) != 1 || !got.All[0].Verified || len(got.Evidence) != 0 {
		t.Fatalf("got %+v, %v, want one", got, err)
	}
	reads := s.reads
	if _, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d.Digest}, s); err != nil || s.reads > reads+1 { // the fallback index
		t.Errorf("%d reads more for the same evidence, %v", s.reads-reads, err)
	}
}

// TestAnAttestationOfTheIndexCoversItsChildren_G2 holds for an index that
// really names the child, and for no other.
func TestAnAttestationOfTheIndexCoversItsChildren_G2(t *testing.T) {
	t.Parallel()
	s, k := newStore(), keys()["ecdsa-p256"]
	child, stray := s.version("1.0.0"), s.version("2.0.0")
	index := s.manifest(ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{child}})
	s.attachAs("att", inTag, index, s.attested(t, k, index, attest.TypeSPDX))
	j := attestJudge(t, k, policy.KindSBOM)
	for name, row := range map[string]struct {
		subject policy.Subject
		want    string
	}{
		"the index itself":         {policy.Subject{Digest: index.Digest}, policy.CodeAttestationVerified},
		"a child within":           {policy.Subject{Digest: child.Digest, Within: index.Digest}, policy.CodeAttestationVerified},
		"a child on its own":       {policy.Subject{Digest: child.Digest}, policy.CodeAttestationMissing},
		"a stray that says within": {policy.Subject{Digest: stray.Digest, Within: index.Digest}, policy.CodeAttestationMissing},
	} {
		row.subject.Publisher = "acme"
		got, err := j.Judge(t.Context(), row.subject, s)
		if err != nil || len(got.Votes) != 1 || got.Votes[0].Code != row.want {
			t.Errorf("%s: got %+v, %v, want %s", name, got, err, row.want)
		}
	}
}

func TestWhereAttestationsCannotBeListedCannotBeTold_G2(t *testing.T) {
	t.Parallel()
	s, k := newStore(), keys()["ecdsa-p256"]
	d := s.version("1.0.0")
	for _, fault := range []string{"referrers", artifact.DigestTag(d.Digest, "att"), artifact.DigestTag(d.Digest, "")} {
		s.fault = map[string]error{fault: errDisk}
		got, err := attestJudge(t, k, policy.KindSBOM).Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d.Digest}, s)
		if err != nil || got.Verdict().Outcome() != policy.Unknown || got.Settled() {
			t.Errorf("%s: got %+v, %v, want could not tell", fault, got, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := attestJudge(t, k, policy.KindSBOM).Judge(ended, policy.Subject{Publisher: "acme", Digest: d.Digest}, s); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want that the context ended", err)
	}
}

func TestAttestingTwiceAddsNothing(t *testing.T) {
	t.Parallel()
	for _, format := range []string{policy.FormatCosignTag, policy.FormatCosignReferrer, policy.FormatBundle} {
		for _, referrers := range []bool{true, false} {
			s := newSite(t, referrers)
			o := signature.AttestOptions{Reference: s.host + "/acme/hello:1.0.0", Key: s.key, Password: password("secret"), Format: format}
			for _, o.PredicateType = range []string{attest.TypeSPDX, attest.TypeSPDX, attest.TypeProvenanceV1, attest.TypeReview} {
				o.Predicate = []byte(attesttest.Good[o.PredicateType])
				if _, err := signature.Attest(t.Context(), o); err != nil {
					t.Fatal(err)
				}
			}
			signed, err := signature.New(signature.Options{Trust: s.trust(t)})
			if err != nil {
				t.Fatal(err)
			}
			judge, err := attest.New(signed, 1)
			if err != nil {
				t.Fatal(err)
			}
			subject, evidence, err := signature.Remote{}.Evidence(t.Context(), o.Reference)
			if err != nil {
				t.Fatal(err)
			}
			got, err := judge.Judge(t.Context(), subject, evidence)
			said := []string{}
			for _, a := range got.All {
				said = append(said, fmt.Sprintf("%s %s %v", a.Kind, a.Format, a.Verified))
			}
			want := fmt.Sprintf("review %[1]s true, provenance %[1]s true, sbom %[1]s true", format)
			if err != nil || strings.Join(said, ", ") != want || len(got.Evidence) != 0 {
				t.Errorf("%s, referrers API %v: got %s %+v, %v, want %s", format, referrers, said, got.Evidence, err, want)
			}
		}
	}
}

// FuzzEnvelope reads any bytes as a DSSE envelope, and as a bundle.
func FuzzEnvelope(f *testing.F) {
	subject := newStore().version("1.0.0").Digest
	for predicateType, predicate := range attesttest.Good {
		f.Add(envelope(f, keys()["stranger"], says(subject, predicateType, predicate)))
		f.Add(bundle(f, keys()["stranger"], says(subject, predicateType, predicate)))
	}
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"AA=="}]}`))
	j := attestJudge(f, keys()["ecdsa-p256"], policy.KindSBOM)
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := newStore()
		d := s.version("1.0.0")
		s.attachAs("att", inTag, d, imageManifest("", s.blob(artifact.TypeDSSE, raw)))
		s.attachAs("att", inReferrer, d, s.bundleManifest(raw))
		got, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d.Digest}, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range got.All {
			if a.Verified || a.Signer != "" || a.Finding.Outcome == policy.Allow || a.Finding.Detail == "" {
				t.Fatalf("foreign bytes are verified: %+v", a)
			}
		}
		if got.Verdict().Outcome().Allowed() {
			t.Fatalf("foreign bytes meet a requirement: %+v", got)
		}
	})
}
