package signature_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// holds fails when foreign bytes were taken for a signature, or when a
// judgement contradicts itself.
func holds(t *testing.T, sig policy.Signature) {
	t.Helper()
	if sig.Status == policy.Verified || sig.Vote.Outcome == policy.Allow || sig.Signer != "" {
		t.Fatalf("foreign bytes are verified: %+v", sig)
	}
	if (sig.Status == "") != (sig.Vote.Outcome == policy.Unknown) {
		t.Fatalf("status %q with vote %+v", sig.Status, sig.Vote)
	}
	for _, f := range sig.Evidence {
		if f.Code == "" || f.Detail == "" || f.Judge == "" {
			t.Fatalf("a finding says nothing: %+v", f)
		}
	}
}

// FuzzManifest reads any bytes as a manifest of evidence, in every place.
func FuzzManifest(f *testing.F) {
	s := newStore()
	d := s.version("1.0.0")
	for _, m := range []ocispec.Manifest{s.signed(f, keys()["stranger"], d), s.bundleManifest([]byte("{}")), imageManifest(artifact.TypeBundle)} {
		raw, err := json.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"schemaVersion":2,"config":{"digest":"sha256:"},"layers":[{"digest":"sha512:00"}]}`))
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
	j := judgeOf(f, keys()["ecdsa-p256"])
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := newStore()
		d := s.version("1.0.0")
		at := s.blob("", raw).Digest
		s.tags[artifact.DigestTag(d.Digest, "sig")] = at
		s.tags[artifact.DigestTag(d.Digest, "")] = at
		holds(t, judge(t, j, listed{s, d.Digest, at, inReferrer}, d.Digest))
	})
}

// FuzzPayload reads any bytes as a simple-signing payload with any signature.
func FuzzPayload(f *testing.F) {
	k := keys()["stranger"]
	s := newStore()
	subject := s.version("1.0.0")
	layer := s.simple(f, k, claim(f, subject.Digest))
	f.Add(claim(f, subject.Digest), layer.Annotations[static.SignatureAnnotationKey])
	f.Add([]byte(`{"critical":{"image":{"docker-manifest-digest":"sha256:"}}}`), base64.StdEncoding.EncodeToString([]byte{0x30, 0x06, 2, 1, 0, 2, 1, 0}))
	f.Add([]byte(`{"critical":null,"optional":[]}`), "====")
	j := judgeOf(f, keys()["ecdsa-p256"], keys()["ed25519"], keys()["rsa"])
	f.Fuzz(func(t *testing.T, content []byte, signature string) {
		s := newStore()
		d := s.version("1.0.0")
		layer := s.blob(artifact.TypeSimpleSigning, content)
		layer.Annotations = map[string]string{static.SignatureAnnotationKey: signature}
		s.attach(inTag, d, imageManifest(artifact.TypeCosignSignature, layer))
		holds(t, judge(t, j, s, d.Digest))
	})
}

// FuzzBundle reads any bytes as a sigstore bundle.
func FuzzBundle(f *testing.F) {
	subject := newStore().version("1.0.0").Digest
	f.Add(bundle(f, keys()["stranger"], statement(subject, types.CosignSignPredicateType)))
	f.Add(bundle(f, keys()["ecdsa-p256"], statement(digest.FromString("other"), types.CosignSignPredicateType)))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"x"}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}}`))
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"certificate":{"rawBytes":"AA=="},"tlogEntries":[{}]},"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{}]}}`))
	j := judgeOf(f, keys()["ecdsa-p256"], keys()["ed25519"], keys()["rsa"])
	f.Fuzz(func(t *testing.T, raw []byte) {
		s := newStore()
		d := s.version("1.0.0")
		s.attach(inReferrer, d, s.bundleManifest(raw))
		holds(t, judge(t, j, s, d.Digest))
	})
}
