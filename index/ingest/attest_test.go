package ingest_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy"
)

// annotationAttestor takes every manifest behind the .att tag for an
// attestation of the type and by the signer that its annotations say, and
// requires an SBOM.
type annotationAttestor struct{ annotationVerifier }

func (annotationAttestor) Attestations(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Attestations, error) {
	vote := policy.Finding{Code: policy.CodeAttestationMissing, Outcome: policy.Deny, Detail: "no sbom"}
	var out policy.Attestations
	d, err := r.Tag(ctx, artifact.DigestTag(s.Digest, "att"))
	if err == nil {
		var raw []byte
		if _, raw, err = r.Manifest(ctx, d); err == nil {
			m, problem := artifact.ParseManifest("", raw)
			if problem != nil {
				return out, problem
			}
			a := policy.Attestation{PredicateType: m.Annotations["type"], Digest: d, Verified: m.Annotations["signer"] == "good"}
			out.All = append(out.All, a)
			vote.Code = policy.CodeAttestationUnverified
			if a.Verified {
				vote = policy.Finding{Code: policy.CodeAttestationVerified, Outcome: policy.Allow}
			}
		}
	}
	if err != nil && !errors.Is(err, artifact.ErrNotFound) {
		vote = policy.Finding{Code: policy.CodeUnreadable, Detail: err.Error()}
	}
	out.Votes = []policy.Finding{vote}
	return out, nil
}

func (m *memory) attest(repo string, subject ocispec.Descriptor, signer string) digest.Digest {
	manifest := versionManifest(ocispec.DescriptorEmptyJSON)
	manifest.Annotations = map[string]string{"signer": signer, "type": "https://spdx.dev/Document"}
	return m.manifest(repo, artifact.DigestTag(subject.Digest, "att"), manifest).Digest
}

func TestAVersionWaitsForItsAttestation_A5(t *testing.T) {
	t.Parallel()
	const repo = "acme/hello"
	m := newMemory()
	in, live := run(t, m, func(o *ingest.Options) { o.Verifier = annotationAttestor{} })
	d := m.publish(repo, "1.0.0")
	in.Notify(repo, "1.0.0", d.Digest, "")
	m.sign(repo, d, "good", true)
	touch := func(what, want string, attestations ...index.Attestation) {
		t.Helper()
		in.Notify(repo, artifact.DigestTag(d.Digest, "att"), d.Digest, "")
		settle(t, in)
		if got := said(t, live, repo)["1.0.0"]; got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
		p, _ := live.Current().Snapshot.Plugin(mustName(t, repo))
		if diff := cmp.Diff(attestations, slices.Clip(p.Versions[0].Attestations)); diff != "" {
			t.Errorf("%s: attestations (-want +got):\n%s", what, diff)
		}
	}
	touch("none is there", "attestation_missing verified")
	evil := m.attest(repo, d, "evil")
	touch("a stranger's is there", "attestation_unverified verified", index.Attestation{PredicateType: "https://spdx.dev/Document", Digest: evil})
	good := m.attest(repo, d, "good")
	m.fault(good.String(), errDisk)
	touch("it cannot be read", "could_not_tell verified")
	m.fault(good.String(), nil)
	touch("it is there", "verified", index.Attestation{PredicateType: "https://spdx.dev/Document", Digest: good, Verified: true})
	if c, err := in.Check(t.Context()); err != nil || len(c.Differ) != 0 {
		t.Errorf("rebuilt: got %+v, %v, want the same", c, err)
	}
}

func TestDevelopersSeeWhatIsNotAttested(t *testing.T) {
	t.Parallel()
	m := newMemory()
	d := m.publish("acme/hello", "1.0.0")
	m.attest("acme/hello", d, "evil")
	_, live := run(t, m, func(o *ingest.Options) { o.Verifier, o.ListDeniedUnsafe = annotationAttestor{}, true })
	if got := said(t, live, "acme/hello")["1.0.0"]; got != "unsigned" {
		t.Errorf("got %q, want listed and unsigned", got)
	}
}
