package signature_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	cosignbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"google.golang.org/protobuf/encoding/protojson"
)

// instance is a whole sigstore instance in memory: a certificate authority, a
// log and a timestamp authority.
type instance struct {
	*ca.VirtualSigstore
	root []byte
}

func newInstance(t testing.TB) instance {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01, v.FulcioCertificateAuthorities(), named(t, v.CTLogs()), v.TimestampingAuthorities(), named(t, v.RekorLogs()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := trusted.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return instance{v, raw}
}

// named gives logs the binary form of their id.
func named(t testing.TB, logs map[string]*root.TransparencyLog) map[string]*root.TransparencyLog {
	t.Helper()
	for id, log := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID = raw
	}
	return logs
}

const (
	someone  = "https://github.com/acme/hello/.github/workflows/release.yml@refs/heads/main"
	provider = "https://token.actions.githubusercontent.com"
)

// trusting is a judge whose namespace acme has one identity. The certificates
// of an instance in memory are in no log.
func (i instance) trusting(t testing.TB, identity, rest string) *signature.Judge {
	t.Helper()
	text := "trusted_roots: [{file: root}]\nnamespaces: {acme: {signers: [{name: workflow, identity: {" + identity + "}" + rest + "}]}}"
	p, err := trust.Parse([]byte(text), func(string) ([]byte, error) { return i.root, nil })
	if err != nil {
		t.Fatal(err)
	}
	j, err := signature.New(signature.Options{Trust: p})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// proof says what is left of the proof of a keyless signature.
type proof struct{ log, timestamp bool }

// keylessBundle signs d as identity at a time.
func (i instance) keylessBundle(t testing.TB, s *store, d ocispec.Descriptor, at time.Time, keep proof) ocispec.Manifest {
	t.Helper()
	return i.keylessStatement(t, s, statement(d.Digest, types.CosignSignPredicateType), at, keep)
}

func (i instance) keylessStatement(t testing.TB, s *store, payload []byte, at time.Time, keep proof) ocispec.Manifest {
	t.Helper()
	entity, err := i.AttestAtTime(someone, provider, payload, at, true)
	if err != nil {
		t.Fatal(err)
	}
	content, err := entity.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := entity.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	envelope := signed.EnvelopeContent().RawEnvelope()
	b := &protobundle.Bundle{MediaType: artifact.TypeBundle,
		VerificationMaterial: &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_Certificate{
			Certificate: &protocommon.X509Certificate{RawBytes: content.Certificate().Raw}}},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{PayloadType: envelope.PayloadType,
			Payload: decode(t, envelope.Payload), Signatures: []*protodsse.Signature{{Sig: decode(t, envelope.Signatures[0].Sig)}}}},
	}
	if keep.log {
		b.VerificationMaterial.TlogEntries = []*protorekor.TransparencyLogEntry{i.entryOf(t, entity)}
	}
	if keep.timestamp {
		b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{
			Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: timestampOf(t, entity)}}}
	}
	raw, err := protojson.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return s.bundleManifest(raw)
}

// keylessSimple signs d as cosign 2 does.
func (i instance) keylessSimple(t testing.TB, s *store, d ocispec.Descriptor, at time.Time, keep proof) ocispec.Manifest {
	t.Helper()
	content := claim(t, d.Digest)
	entity, err := i.SignAtTime(someone, provider, content, at)
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
	var log *cosignbundle.RekorBundle
	if keep.log {
		e := i.entryOf(t, entity)
		log = &cosignbundle.RekorBundle{SignedEntryTimestamp: e.InclusionPromise.SignedEntryTimestamp, Payload: cosignbundle.RekorPayload{
			Body: base64.StdEncoding.EncodeToString(e.CanonicalizedBody), IntegratedTime: e.IntegratedTime, LogIndex: e.LogIndex, LogID: hex.EncodeToString(e.LogId.KeyId)}}
	}
	var timestamp *cosignbundle.RFC3161Timestamp
	if keep.timestamp {
		timestamp = cosignbundle.TimestampToRFC3161Timestamp(timestampOf(t, entity))
	}
	encoded := base64.StdEncoding.EncodeToString(signed.Signature())
	sig, err := static.NewSignature(content, encoded, static.WithCertChain(certificate, nil), static.WithBundle(log), static.WithRFC3161Timestamp(timestamp))
	if err != nil {
		t.Fatal(err)
	}
	layer := s.blob(artifact.TypeSimpleSigning, content)
	if layer.Annotations, err = sig.Annotations(); err != nil {
		t.Fatal(err)
	}
	return imageManifest(artifact.TypeCosignSignature, layer)
}

// entryOf is the log entry of a signature with the log's promise of it.
func (i instance) entryOf(t testing.TB, entity *ca.TestEntity) *protorekor.TransparencyLogEntry {
	t.Helper()
	entries, err := entity.TlogEntries()
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d log entries, %v", len(entries), err)
	}
	e := entries[0].TransparencyLogEntry()
	promise, err := i.RekorSignPayload(tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(e.CanonicalizedBody),
		IntegratedTime: e.IntegratedTime, LogIndex: e.LogIndex, LogID: hex.EncodeToString(e.LogId.KeyId)})
	if err != nil {
		t.Fatal(err)
	}
	var body struct{ Kind, APIVersion string }
	if err := json.Unmarshal(e.CanonicalizedBody, &body); err != nil {
		t.Fatal(err)
	}
	e.KindVersion = &protorekor.KindVersion{Kind: body.Kind, Version: body.APIVersion}
	e.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: promise}
	return e
}

func timestampOf(t testing.TB, entity *ca.TestEntity) []byte {
	t.Helper()
	timestamps, err := entity.Timestamps()
	if err != nil || len(timestamps) != 1 {
		t.Fatalf("%d timestamps, %v", len(timestamps), err)
	}
	return timestamps[0]
}

func decode(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// An identityWay is one way for a keyless signature to be good or bad.
type identityWay struct {
	name, identity, rest string
	foreign              bool // made with another instance
	at                   time.Duration
	keep                 proof
	want                 policy.SignatureStatus
}

func identityWays() []identityWay {
	const (
		exact    = "issuer: '" + provider + "', subject: '" + someone + "'"
		unlogged = ", certificate_log: optional"
		loose    = unlogged + ", transparency_log: optional"
		verified = policy.Verified
		not      = policy.Unverified
	)
	both, now := proof{true, true}, time.Minute // after the certificate was made, which holds for ten
	from := func(d time.Duration) string { return "'" + time.Now().Add(d).UTC().Format(time.RFC3339) + "'" }
	return []identityWay{
		{"by the identity exactly", exact, unlogged, false, now, both, verified},
		{"by the identity by pattern", `issuer_pattern: 'https://.*\.githubusercontent\.com', subject_pattern: 'https://github\.com/acme/.*'`, unlogged, false, now, both, verified},
		{"by a pattern that matches a part only", `issuer: '` + provider + `', subject_pattern: 'github\.com/acme'`, unlogged, false, now, both, not},
		{"by another subject", "issuer: '" + provider + "', subject: '" + someone + "x'", unlogged, false, now, both, not},
		{"by another issuer", "issuer: 'https://accounts.example.org', subject: '" + someone + "'", unlogged, false, now, both, not},
		{"with a certificate of another instance", exact, unlogged, true, now, both, not},
		{"made long after the certificate ended", exact, unlogged, false, -48 * time.Hour, proof{log: true}, not},
		{"without a log entry where one is required", exact, unlogged, false, now, proof{timestamp: true}, not},
		{"without a log entry where none is required", exact, loose, false, now, proof{timestamp: true}, verified},
		{"with a log entry where none is required", exact, loose, false, now, proof{log: true}, verified},
		{"with nothing that proves the time", exact, loose, false, now, proof{}, not},
		{"with a certificate in no log where one must be", exact, "", false, now, both, not},
		{"by an identity that is revoked later", exact, unlogged + ", revoked: {from: " + from(time.Hour) + ", before: keep}", false, now, both, verified},
		{"by an identity that was revoked before", exact, unlogged + ", revoked: {from: " + from(-time.Hour) + ", before: keep}", false, now, both, not},
		{"by an identity that is revoked with all it signed", exact, unlogged + ", revoked: {from: " + from(time.Hour) + ", before: deny}", false, now, both, not},
		{"by an identity whose time has ended", exact, unlogged + ", not_after: " + from(-time.Hour), false, now, both, not},
	}
}

// TestIdentities_G1 judges keyless signatures offline, in both forms.
func TestIdentities_G1(t *testing.T) {
	t.Parallel()
	i, foreign := newInstance(t), newInstance(t)
	for _, row := range identityWays() {
		for form, build := range map[string]func(instance, testing.TB, *store, ocispec.Descriptor, time.Time, proof) ocispec.Manifest{
			policy.FormatCosignReferrer: instance.keylessSimple, policy.FormatBundle: instance.keylessBundle,
		} {
			t.Run(form+"/"+row.name, func(t *testing.T) {
				t.Parallel()
				by := i
				if row.foreign {
					by = foreign
				}
				s := newStore()
				d := s.version("1.0.0")
				s.attach(inReferrer, d, build(by, t, s, d, time.Now().Add(row.at), row.keep))
				sig := judge(t, i.trusting(t, row.identity, row.rest), s, d.Digest)
				if sig.Status != row.want {
					t.Fatalf("got %q, want %q: %+v", sig.Status, row.want, sig.Evidence)
				}
				if row.want == policy.Verified && (sig.Signer != "workflow" || sig.Format != form) {
					t.Errorf("got signer %q in %q, want workflow in %q", sig.Signer, sig.Format, form)
				}
			})
		}
	}
}

// identityTable has a row for each way.
func identityTable() string {
	var b strings.Builder
	b.WriteString("| a keyless signature | simple signing, bundle |\n|---|---|\n")
	for _, w := range identityWays() {
		fmt.Fprintf(&b, "| %s | %s |\n", w.name, outcome{w.want, ""})
	}
	return b.String()
}

func TestAnIdentityIsNoKey_G3(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	s := newStore()
	d := s.version("1.0.0")
	s.attach(inReferrer, d, i.keylessBundle(t, s, d, time.Now().Add(time.Minute), proof{true, true}))
	s.attach(inTag, d, i.keylessSimple(t, s, d, time.Now().Add(time.Minute), proof{true, true}))
	sig := judge(t, judgeOf(t, keys()["ecdsa-p256"]), s, d.Digest)
	if sig.Status != policy.Unverified || len(sig.Evidence) != 2 {
		t.Fatalf("got %+v, want two that are unverified", sig)
	}
	for _, f := range sig.Evidence {
		if !strings.Contains(f.Detail, "the namespace trusts none") {
			t.Errorf("evidence: %q does not say that no identity is trusted", f.Detail)
		}
	}
}

// TestSeveralRootsCount_G1 trusts two instances, and not a third.
func TestSeveralRootsCount_G1(t *testing.T) {
	t.Parallel()
	one, two, three := newInstance(t), newInstance(t), newInstance(t)
	text := "trusted_roots: [{file: one}, {file: two}]\nnamespaces: {acme: {signers: [{name: workflow, identity: {issuer: '" + provider + "', subject: '" + someone + "'}, certificate_log: optional}]}}"
	p, err := trust.Parse([]byte(text), func(name string) ([]byte, error) {
		return map[string][]byte{"one": one.root, "two": two.root}[name], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	j, err := signature.New(signature.Options{Trust: p})
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		by   instance
		want policy.SignatureStatus
	}{"the first": {one, policy.Verified}, "the second": {two, policy.Verified}, "one that is not named": {three, policy.Unverified}} {
		for form, build := range map[string]func(instance, testing.TB, *store, ocispec.Descriptor, time.Time, proof) ocispec.Manifest{
			policy.FormatCosignReferrer: instance.keylessSimple, policy.FormatBundle: instance.keylessBundle,
		} {
			s := newStore()
			d := s.version("1.0.0")
			s.attach(inReferrer, d, build(row.by, t, s, d, time.Now().Add(time.Minute), proof{true, true}))
			if sig := judge(t, j, s, d.Digest); sig.Status != row.want {
				t.Errorf("%s, %s: got %q, want %q: %+v", name, form, sig.Status, row.want, sig.Evidence)
			}
		}
	}
}

func TestATrustedRootThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	p, err := trust.Parse([]byte("trusted_roots: [{file: root}]\nnamespaces: {acme: {signers: [{name: a, identity: {issuer: x, subject: y}}]}}"),
		func(string) ([]byte, error) { return []byte(`{"mediaType":"x"}`), nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signature.New(signature.Options{Trust: p}); err == nil {
		t.Error("a judge without a root that can be read")
	}
}
