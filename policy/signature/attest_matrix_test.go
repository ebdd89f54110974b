package signature_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/signature/dsse"
)

// says is an in-toto statement about d.
func says(d digest.Digest, predicateType, predicate string) []byte {
	return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v0.1","subject":[{"name":"acme/hello","digest":{"sha256":%q}}],"predicateType":%q,"predicate":%s}`,
		d.Encoded(), predicateType, predicate)
}

func envelope(t testing.TB, k key, payload []byte) []byte {
	t.Helper()
	raw, err := dsse.WrapSigner(k, types.IntotoPayloadType).SignMessage(bytes.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// edited changes the envelope of raw, which is one or a bundle.
func edited(t testing.TB, raw []byte, change func(map[string]any)) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	if inner, ok := doc["dsseEnvelope"].(map[string]any); ok {
		change(inner)
	} else {
		change(doc)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A wayToAttest is one way for an attestation to be good or bad. code is that
// of its finding; alone says that nothing but the finding is left of it.
type wayToAttest struct {
	name     string
	payload  func(c *craft, predicateType string) []byte
	key      func(c *craft) key
	raw      func(c *craft, raw []byte, predicateType string) []byte
	manifest func(c *craft, m *ocispec.Manifest)
	after    func(c *craft, d digest.Digest)
	code     string
	alone    bool
}

func waysToAttest() []wayToAttest {
	exchanged := func(c *craft, raw []byte, predicateType string) []byte {
		payload := says(c.subject.Digest, predicateType, attesttest.Good[predicateType])
		return edited(c.t, raw, func(e map[string]any) { e["payload"] = payload })
	}
	other := func(c *craft, predicateType string) []byte {
		return says(c.other.Digest, predicateType, attesttest.Good[predicateType])
	}
	as := func(text string) func(*craft, string) []byte {
		return func(*craft, string) []byte { return []byte(text) }
	}
	unread := policy.CodeEvidenceUnread
	return []wayToAttest{
		{name: "good", code: policy.CodeEvidenceVerified},
		{name: "by an unknown key", key: func(c *craft) key { return c.stranger }, code: policy.CodeUnknownSigner},
		{name: "about another digest", payload: other, code: policy.CodeOtherDigest},
		{name: "replayed with the digest exchanged", payload: other, raw: exchanged, code: policy.CodeUnknownSigner},
		{name: "against its schema", payload: func(c *craft, predicateType string) []byte {
			return says(c.subject.Digest, predicateType, `{"hello":"world"}`)
		}, code: policy.CodeMalformed},
		{name: "with a list as its predicate", payload: func(c *craft, predicateType string) []byte {
			return says(c.subject.Digest, predicateType, `[]`)
		}, code: policy.CodeMalformed},
		{name: "of a payload that is no JSON", payload: as(`{"_type":`), code: policy.CodeMalformed, alone: true},
		{name: "of a payload that is no statement", payload: as(`{"_type":"https://example.org"}`), code: policy.CodeMalformed, alone: true},
		{name: "of another payload type", raw: func(c *craft, raw []byte, _ string) []byte {
			return edited(c.t, raw, func(e map[string]any) { e["payloadType"] = "text/plain" })
		}, code: policy.CodeMalformed, alone: true},
		{name: "without signatures", raw: func(c *craft, raw []byte, _ string) []byte {
			return edited(c.t, raw, func(e map[string]any) { e["signatures"] = []any{} })
		}, code: policy.CodeMalformed, alone: true},
		{name: "that is empty", raw: func(*craft, []byte, string) []byte { return []byte(`{}`) }, code: policy.CodeMalformed, alone: true},
		{name: "that is cut", raw: func(_ *craft, raw []byte, _ string) []byte { return raw[:len(raw)/2] }, code: policy.CodeMalformed, alone: true},
		{name: "larger than allowed", manifest: func(_ *craft, m *ocispec.Manifest) {
			m.Layers[0].Size = signature.MaxEnvelope + 1
		}, code: policy.CodeTooLarge, alone: true},
		{name: "in a manifest larger than allowed", manifest: func(_ *craft, m *ocispec.Manifest) {
			m.Annotations = map[string]string{"filler": strings.Repeat("x", signature.MaxEvidenceManifest)}
		}, code: unread, alone: true},
		{name: "whose envelope is gone", after: func(c *craft, d digest.Digest) { delete(c.s.bytes, c.layer(d)) }, code: unread, alone: true},
		{name: "whose envelope cannot be read", after: func(c *craft, d digest.Digest) { c.s.fault[c.layer(d).String()] = errDisk }, code: unread, alone: true},
		{name: "whose envelope is damaged", after: func(c *craft, d digest.Digest) {
			l := c.layer(d)
			c.s.bytes[l] = bytes.ToUpper(c.s.bytes[l])
		}, code: unread, alone: true},
		{name: "whose manifest cannot be read", after: func(c *craft, d digest.Digest) { c.s.fault[d.String()] = errDisk }, code: unread, alone: true},
	}
}

// attests lists referrers as attestations, even those that cannot be read.
type attests struct{ listed }

func (l attests) Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	out, err := l.listed.Referrers(ctx, d)
	for i := range out {
		out[i].ArtifactType = types.IntotoPayloadType
	}
	return out, err
}

// attestJudge trusts k, and requires an attestation of the kind, of versions that
// nobody signed.
func attestJudge(t testing.TB, k key, required string) *attest.Judge {
	t.Helper()
	j, err := attest.New(judgeWith(t, fmt.Sprintf("namespaces: {acme: {signature: optional, signers: [{name: %s, key: {file: %s}}], attestations: [{type: %q, signers: [%s]}]}}", k.name, k.name, required, k.name)), 0)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestAttestationMatrix_G2 is predicate × form × place × way.
func TestAttestationMatrix_G2(t *testing.T) {
	t.Parallel()
	for _, w := range waysToAttest() {
		for form, places := range map[string][]string{"envelope": {inTag, inReferrer, inFallback, inBoth}, "bundle": {inReferrer, inFallback, inBoth}} {
			for _, place := range places {
				for _, predicateType := range slices.Sorted(maps.Keys(attesttest.Good)) {
					t.Run(fmt.Sprintf("%s/%s/%s/%s", w.name, form, place, predicateType), func(t *testing.T) {
						t.Parallel()
						checkAttestation(t, w, form, place, predicateType)
					})
				}
			}
		}
	}
}

func (w wayToAttest) make(c *craft, form, predicateType string) ocispec.Manifest {
	k, payload := c.k, says(c.subject.Digest, predicateType, attesttest.Good[predicateType])
	if w.key != nil {
		k = w.key(c)
	}
	if w.payload != nil {
		payload = w.payload(c, predicateType)
	}
	make, mediaType, artifactType := envelope, artifact.TypeDSSE, types.IntotoPayloadType
	if form == "bundle" {
		make, mediaType, artifactType = bundle, artifact.TypeBundle, artifact.TypeBundle
	}
	raw := make(c.t, k, payload)
	if w.raw != nil {
		raw = w.raw(c, raw, predicateType)
	}
	m := imageManifest(artifactType, c.s.blob(mediaType, raw))
	if w.manifest != nil {
		w.manifest(c, &m)
	}
	return m
}

func checkAttestation(t *testing.T, w wayToAttest, form, place, predicateType string) {
	c := &craft{t: t, s: newStore(), k: keys()["ecdsa-p256"], stranger: keys()["stranger"]}
	c.subject, c.other = c.s.version("1.0.0"), c.s.version("2.0.0")
	d := c.s.attachAs("att", place, c.subject, w.make(c, form, predicateType))
	if w.after != nil {
		w.after(c, d)
	}
	kind := attest.KindOf(predicateType)
	got, err := attestJudge(t, c.k, kind).Judge(t.Context(), policy.Subject{Publisher: "acme", Digest: c.subject.Digest}, attests{listed{c.s, c.subject.Digest, d, place}})
	if err != nil {
		t.Fatal(err)
	}
	code := w.code
	if form == "bundle" && w.name == "with a list as its predicate" {
		w.alone = true // sigstore-go takes no such bundle for one
	}
	vote := map[string]string{policy.CodeEvidenceVerified: policy.CodeAttestationVerified, policy.CodeUnknownSigner: policy.CodeAttestationUnverified,
		policy.CodeEvidenceUnread: policy.CodeUnreadable}[code]
	if vote == "" {
		vote = policy.CodeAttestationInvalid
		if w.alone {
			vote = policy.CodeAttestationMissing
		}
	}
	if len(got.Votes) != 1 || got.Votes[0].Code != vote || got.Votes[0].Detail == "" {
		t.Fatalf("votes: got %+v, want one %s: %+v", got.Votes, vote, got)
	}
	if w.alone {
		if len(got.All) != 0 || len(got.Evidence) != 1 || got.Evidence[0].Code != code || got.Evidence[0].Digest == "" || got.Evidence[0].Detail == "" {
			t.Errorf("got %+v, want one finding %s", got, code)
		}
		return
	}
	if len(got.All) != 1 || len(got.Evidence) != 0 {
		t.Fatalf("got %+v, want one attestation", got)
	}
	a, format := got.All[0], map[string]string{"envelope": policy.FormatCosignReferrer, "bundle": policy.FormatBundle}[form]
	if place == inTag {
		format = policy.FormatCosignTag
	}
	if a.Verified != (code == policy.CodeEvidenceVerified) || a.Finding.Code != code || a.Kind != kind || a.PredicateType != predicateType || a.Manifest != d || a.Format != format {
		t.Errorf("got %+v, want %s in %s by %s", a, code, format, d)
	}
}
