package signature_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/cosign/v2/pkg/types"
)

// elsewhere is an identity that no certificate of a fuzz target names.
const elsewhere = "issuer: 'https://accounts.example.org', subject: 'nobody@example.org'"

// FuzzCertificate reads any bytes as what lies beside a keyless signature in
// cosign's form: certificate, chain, log entry and timestamp.
func FuzzCertificate(f *testing.F) {
	i := newInstance(f)
	s := newStore()
	d := s.version("1.0.0")
	layer := i.keylessSimple(f, s, d, time.Now().Add(time.Minute), proof{true, true}).Layers[0]
	content, said := s.bytes[layer.Digest], layer.Annotations
	f.Add(said[static.CertificateAnnotationKey], said[static.ChainAnnotationKey], said[static.BundleAnnotationKey], said[static.RFC3161TimestampAnnotationKey])
	f.Add(said[static.CertificateAnnotationKey], said[static.CertificateAnnotationKey], "{}", "{}")
	f.Add("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", `{"Payload":{"body":7,"logID":"zz"}}`, `{"SignedRFC3161Timestamp":"MAA="}`)
	f.Add(said[static.CertificateAnnotationKey], "", `{"SignedEntryTimestamp":"AA==","Payload":{"body":"e30=","integratedTime":1,"logIndex":0,"logID":"00"}}`, "")
	j := i.trusting(f, elsewhere, ", certificate_log: optional, transparency_log: optional")
	f.Fuzz(func(t *testing.T, certificate, chain, log, timestamp string) {
		s := newStore()
		d := s.version("1.0.0")
		layer := s.blob(artifact.TypeSimpleSigning, content)
		layer.Annotations = map[string]string{static.SignatureAnnotationKey: said[static.SignatureAnnotationKey], static.CertificateAnnotationKey: certificate,
			static.ChainAnnotationKey: chain, static.BundleAnnotationKey: log, static.RFC3161TimestampAnnotationKey: timestamp}
		s.attach(inTag, d, imageManifest(artifact.TypeCosignSignature, layer))
		holds(t, judge(t, j, s, d.Digest))
	})
}

// revokedLongAgo is a judge for whom no signature by k was made in time.
func revokedLongAgo(t testing.TB, i instance, k key) *signature.Judge {
	t.Helper()
	return i.bounding(t, k, ", revoked: {from: '2000-01-01T00:00:00Z', before: keep}")
}

// FuzzTimestamp reads any bytes as the timestamp of a key's signature, in both
// forms.
func FuzzTimestamp(f *testing.F) {
	i, k := newInstance(f), keys()["ecdsa-p256"]
	var w witness
	i.stamp(f, &w, []byte("another signature"))
	newInstance(f).stamp(f, &w, []byte("another authority"))
	for _, stamp := range w.stamps {
		f.Add(stamp)
	}
	f.Add([]byte{0x30, 0x03, 0x02, 0x01, 0x00})
	f.Add([]byte{})
	j := revokedLongAgo(f, i, k)
	f.Fuzz(func(t *testing.T, stamp []byte) {
		s := newStore()
		d := s.version("1.0.0")
		for form, place := range map[string]string{policy.FormatBundle: inReferrer, policy.FormatCosignTag: inTag} {
			s.attach(place, d, s.witnessed(t, form, k, d, func(w *witness, _, _ []byte) { w.stamps = [][]byte{stamp} }))
		}
		holds(t, judge(t, j, s, d.Digest))
	})
}

// FuzzLogEntry reads any JSON as the log entries of a bundle, by a key and by
// an identity.
func FuzzLogEntry(f *testing.F) {
	i, k := newInstance(f), keys()["ecdsa-p256"]
	s := newStore()
	d := s.version("1.0.0")
	entries := func(m ocispec.Manifest) string {
		var b struct {
			Material struct {
				Entries json.RawMessage `json:"tlogEntries"`
			} `json:"verificationMaterial"`
		}
		if err := json.Unmarshal(s.bytes[m.Layers[0].Digest], &b); err != nil {
			f.Fatal(err)
		}
		return string(b.Material.Entries)
	}
	f.Add(entries(i.keylessBundle(f, s, d, time.Now().Add(time.Minute), proof{true, true})))
	f.Add(entries(s.witnessed(f, policy.FormatBundle, k, d, func(w *witness, content, sig []byte) { i.enter(f, w, k, content, sig, time.Now()) })))
	f.Add(`[{}]`)
	f.Add(`[{"logIndex":"1","logId":{"keyId":"AA=="},"kindVersion":{"kind":"hashedrekord","version":"0.0.2"},"canonicalizedBody":"e30=","inclusionProof":{"logIndex":"0","rootHash":"","treeSize":"1","checkpoint":{"envelope":"127.0.0.1\n1\nAAAA\n\n— 127.0.0.1 AAAA\n"}}}]`)
	byKey, byIdentity := revokedLongAgo(f, i, k), i.trusting(f, elsewhere, ", certificate_log: optional")
	keyed, certified := bundle(f, k, statement(d.Digest, types.CosignSignPredicateType)), s.bytes[i.keylessBundle(f, s, d, time.Now().Add(time.Minute), proof{true, true}).Layers[0].Digest]
	f.Fuzz(func(t *testing.T, entries string) {
		if !json.Valid([]byte(entries)) {
			return // FuzzBundle reads what is no JSON
		}
		for j, raw := range map[*signature.Judge][]byte{byKey: keyed, byIdentity: certified} {
			var b map[string]any
			if err := json.Unmarshal(raw, &b); err != nil {
				t.Fatal(err)
			}
			b["verificationMaterial"].(map[string]any)["tlogEntries"] = json.RawMessage(entries)
			changed, err := json.Marshal(b)
			if err != nil {
				t.Fatal(err)
			}
			s := newStore()
			d := s.version("1.0.0")
			s.attach(inReferrer, d, s.bundleManifest(changed))
			holds(t, judge(t, j, s, d.Digest))
		}
	})
}

// FuzzTrustedRoot reads any bytes as a trusted root: it is one or it is refused.
func FuzzTrustedRoot(f *testing.F) {
	f.Add(newInstance(f).root)
	f.Add([]byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[{}],"certificateAuthorities":[{"certChain":{}}],"timestampAuthorities":[{}]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parseRoot(raw)
		if err != nil {
			return
		}
		if j, err := signature.New(signature.Options{Trust: p}); err == nil && j.Digest() == "" {
			t.Fatal("a judge without a digest")
		} else if err != nil && !strings.Contains(err.Error(), "trusted root 0") {
			t.Fatalf("%v does not say which root", err)
		}
	})
}

func parseRoot(raw []byte) (*trust.Policy, error) {
	return trust.Parse([]byte("trusted_roots: [{file: root}]\nnamespaces: {acme: {signers: [{name: a, identity: {issuer: x, subject: y}}]}}"),
		func(string) ([]byte, error) { return raw, nil })
}
