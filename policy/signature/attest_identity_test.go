package signature_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// keylessEnvelope is what cosign 2 writes for an identity, with a timestamp
// over the envelope.
func (i instance) keylessEnvelope(t testing.TB, s *store, payload []byte, at time.Time) ocispec.Manifest {
	t.Helper()
	entity, err := i.AttestAtTime(someone, provider, payload, at, true)
	if err != nil {
		t.Fatal(err)
	}
	by, err := entity.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := cryptoutils.MarshalCertificateToPEM(by.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := entity.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(signed.EnvelopeContent().RawEnvelope())
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := i.TimestampResponse(raw)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := static.NewAttestation(raw, static.WithLayerMediaType(types.DssePayloadType), static.WithCertChain(certificate, nil),
		static.WithRFC3161Timestamp(cosignbundle.TimestampToRFC3161Timestamp(stamp)))
	if err != nil {
		t.Fatal(err)
	}
	layer := s.blob(artifact.TypeDSSE, raw)
	if layer.Annotations, err = sig.Annotations(); err != nil {
		t.Fatal(err)
	}
	return imageManifest(types.IntotoPayloadType, layer)
}

// TestIdentitiesAttest_G2 judges keyless attestations offline, in both forms.
func TestIdentitiesAttest_G2(t *testing.T) {
	t.Parallel()
	i, foreign := newInstance(t), newInstance(t)
	const loose = ", certificate_log: optional, transparency_log: optional"
	for name, row := range map[string]struct {
		identity string
		by       instance
		verified bool
	}{
		"the identity":                      {"issuer: '" + provider + "', subject: '" + someone + "'", i, true},
		"another subject":                   {"issuer: '" + provider + "', subject: '" + someone + "x'", i, false},
		"a certificate of another instance": {"issuer: '" + provider + "', subject: '" + someone + "'", foreign, false},
	} {
		for _, form := range []string{policy.FormatCosignTag, policy.FormatBundle} {
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newStore()
				d := s.version("1.0.0")
				payload, at := says(d.Digest, attest.TypeProvenanceV1, attesttest.Good[attest.TypeProvenanceV1]), time.Now().Add(time.Minute)
				if form == policy.FormatBundle {
					s.attachAs("att", inReferrer, d, row.by.keylessStatement(t, s, payload, at, proof{true, true}))
				} else {
					s.attachAs("att", inTag, d, row.by.keylessEnvelope(t, s, payload, at))
				}
				j, err := attest.New(i.trusting(t, row.identity, loose), 0)
				if err != nil {
					t.Fatal(err)
				}
				got, err := j.Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: d.Digest}, s)
				if err != nil || len(got.All) != 1 || got.All[0].Verified != row.verified || got.All[0].Format != form || row.verified != (got.All[0].Signer == "workflow") {
					t.Errorf("got %+v, %v, want verified %v in %s", got, err, row.verified, form)
				}
			})
		}
	}
}
