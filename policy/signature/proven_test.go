package signature_test

import (
	"bytes"
	"crypto/sha256"
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
	"github.com/sigstore/sigstore-go/pkg/tlog"
)

// A witness proves when a key's signature was made, in whatever form.
type witness struct {
	stamps [][]byte // RFC 3161, of now
	logged []entry
}

// entry is a log's promise.
type entry struct {
	body []byte
	tlog.RekorPayload
	promise []byte
	proof   map[string]any // of inclusion, as a bundle has it
}

// stamp has the timestamp authority of an instance say that it is now.
func (i instance) stamp(t testing.TB, w *witness, signature []byte) {
	t.Helper()
	raw, err := i.TimestampResponse(signature)
	if err != nil {
		t.Fatal(err)
	}
	w.stamps = append(w.stamps, raw)
}

// enter has the log of an instance say that k's signature over content was
// there at a time.
func (i instance) enter(t testing.TB, w *witness, k key, content, signature []byte, at time.Time) {
	t.Helper()
	sum := sha256.Sum256(content)
	body := fmt.Appendf(nil, `{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":{"algorithm":"sha256","value":%q}},"signature":{"content":%q,"publicKey":{"content":%q}}}}`,
		hex.EncodeToString(sum[:]), base64.StdEncoding.EncodeToString(signature), base64.StdEncoding.EncodeToString(publicPEM(t, k)))
	id, err := i.RekorLogID()
	if err != nil {
		t.Fatal(err)
	}
	e := entry{body: body, RekorPayload: tlog.RekorPayload{Body: base64.StdEncoding.EncodeToString(body), IntegratedTime: at.Unix(), LogIndex: 7, LogID: id}}
	if e.promise, err = i.RekorSignPayload(e.RekorPayload); err != nil {
		t.Fatal(err)
	}
	proof, err := i.GetInclusionProof(body)
	if err != nil {
		t.Fatal(err)
	}
	rootHash, err := hex.DecodeString(*proof.RootHash)
	if err != nil {
		t.Fatal(err)
	}
	e.proof = map[string]any{"logIndex": fmt.Sprint(*proof.LogIndex), "treeSize": fmt.Sprint(*proof.TreeSize), "rootHash": rootHash,
		"checkpoint": map[string]any{"envelope": *proof.Checkpoint}}
	w.logged = append(w.logged, e)
}

// witnessed is a signature by k over d in a form, beside which prove lays what
// proves its time.
func (s *store) witnessed(t testing.TB, form string, k key, d ocispec.Descriptor, prove func(w *witness, content, signature []byte)) ocispec.Manifest {
	t.Helper()
	var w witness
	if form == policy.FormatBundle {
		raw := bundle(t, k, statement(d.Digest, types.CosignSignPredicateType))
		payload, signed := signedIn(t, raw)
		prove(&w, payload, signed)
		return s.bundleManifest(withProof(t, raw, w))
	}
	content := claim(t, d.Digest)
	layer := s.simple(t, k, content)
	prove(&w, content, decode(t, layer.Annotations[static.SignatureAnnotationKey]))
	note := func(key string, v any) {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		layer.Annotations[key] = string(raw)
	}
	if len(w.stamps) > 0 {
		note(static.RFC3161TimestampAnnotationKey, cosignbundle.TimestampToRFC3161Timestamp(w.stamps[0]))
	}
	if len(w.logged) > 0 {
		e := w.logged[0]
		note(static.BundleAnnotationKey, cosignbundle.RekorBundle{SignedEntryTimestamp: e.promise, Payload: cosignbundle.RekorPayload{
			Body: e.Body, IntegratedTime: e.IntegratedTime, LogIndex: e.LogIndex, LogID: e.LogID}})
	}
	return imageManifest(artifact.TypeCosignSignature, layer)
}

// signedIn is what the envelope of a bundle signs, and its signature.
func signedIn(t testing.TB, raw []byte) (content, signature []byte) {
	t.Helper()
	var b struct {
		Envelope struct {
			Payload     []byte
			PayloadType string
			Signatures  []struct{ Sig []byte }
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(raw, &b); err != nil || len(b.Envelope.Signatures) != 1 {
		t.Fatalf("%v: %s", err, raw)
	}
	e := b.Envelope
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(e.PayloadType), e.PayloadType, len(e.Payload), e.Payload), e.Signatures[0].Sig
}

// withProof lays the proofs into a bundle.
func withProof(t testing.TB, raw []byte, w witness) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	material := b["verificationMaterial"].(map[string]any)
	var stamps []any
	for _, s := range w.stamps {
		stamps = append(stamps, map[string]any{"signedTimestamp": s})
	}
	if stamps != nil {
		material["timestampVerificationData"] = map[string]any{"rfc3161Timestamps": stamps}
	}
	var entries []any
	for _, e := range w.logged {
		id, err := hex.DecodeString(e.LogID)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, map[string]any{"logIndex": fmt.Sprint(e.LogIndex), "logId": map[string]any{"keyId": id}, "integratedTime": fmt.Sprint(e.IntegratedTime),
			"kindVersion": map[string]any{"kind": "hashedrekord", "version": "0.0.1"}, "canonicalizedBody": e.body,
			"inclusionPromise": map[string]any{"signedEntryTimestamp": e.promise}, "inclusionProof": e.proof})
	}
	if entries != nil {
		material["tlogEntries"] = entries
	}
	out, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bounding is a judge with a root whose namespace acme has one key with bounds.
func (i instance) bounding(t testing.TB, k key, bounds string) *signature.Judge {
	t.Helper()
	text := "trusted_roots: [{file: root}]\nnamespaces: {acme: {signers: [{name: k, key: {file: k}" + bounds + "}]}}"
	p, err := trust.Parse([]byte(text), func(name string) ([]byte, error) {
		if name == "root" {
			return i.root, nil
		}
		return publicPEM(t, k), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	j, err := signature.New(signature.Options{Trust: p})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestRevocationIsJudgedByProvenTime_G3 revokes and bounds a key around the
// time that a timestamp authority or a log gives its signature.
func TestRevocationIsJudgedByProvenTime_G3(t *testing.T) {
	t.Parallel()
	i, foreign := newInstance(t), newInstance(t)
	k := keys()["ecdsa-p256"]
	now := time.Now()
	past := func(n time.Duration) string { return now.Add(n * 10 * time.Minute).UTC().Format(time.RFC3339) }
	keep := func(n time.Duration) string { return ", revoked: {from: '" + past(n) + "', before: keep}" }
	type prove = func(t testing.TB, w *witness, content, signature []byte)
	stamped := func(t testing.TB, w *witness, _, sig []byte) { i.stamp(t, w, sig) }
	logged := func(n time.Duration) prove {
		return func(t testing.TB, w *witness, content, sig []byte) {
			i.enter(t, w, k, content, sig, now.Add(n*10*time.Minute))
		}
	}
	none := func(testing.TB, *witness, []byte, []byte) {}
	for name, row := range map[string]struct {
		bounds string
		prove  prove
		code   string
		why    string
		bundle string // code in a bundle, where it is another
	}{
		"no bounds, no proof":                        {"", none, policy.CodeEvidenceVerified, "", ""},
		"revoked later, stamped":                     {keep(1), stamped, policy.CodeEvidenceVerified, "", ""},
		"revoked later, logged":                      {keep(1), logged(0), policy.CodeEvidenceVerified, "", ""},
		"revoked before, stamped":                    {keep(-1), stamped, policy.CodeRevoked, "revoked from " + past(-1), ""},
		"revoked before, logged":                     {keep(-1), logged(0), policy.CodeRevoked, "revoked from " + past(-1), ""},
		"revoked before the stamp and after the log": {keep(-1), both(stamped, logged(-2)), policy.CodeEvidenceVerified, "", ""},
		"revoked, no proof":                          {keep(1), none, policy.CodeTimeUnproven, "neither a timestamp nor a log entry", ""},
		"revoked with all before":                    {", revoked: {from: '" + past(1) + "', before: deny}", stamped, policy.CodeRevoked, "counts no more", ""},
		"within its time":                            {", not_before: '" + past(-1) + "', not_after: '" + past(1) + "'", stamped, policy.CodeEvidenceVerified, "", ""},
		"before its time":                            {", not_before: '" + past(1) + "'", stamped, policy.CodeOutsideValidity, "not before " + past(1), ""},
		"after its time":                             {", not_after: '" + past(-1) + "'", stamped, policy.CodeOutsideValidity, "not after " + past(-1), ""},
		"a stamp of an authority that nobody trusts": {keep(1), func(t testing.TB, w *witness, _, sig []byte) { foreign.stamp(t, w, sig) }, policy.CodeTimeUnproven, "", ""},
		"an entry of a log that nobody trusts":       {keep(1), func(t testing.TB, w *witness, c, sig []byte) { foreign.enter(t, w, k, c, sig, now) }, policy.CodeTimeUnproven, "", ""},
		"a stamp of another signature":               {keep(1), func(t testing.TB, w *witness, _, _ []byte) { i.stamp(t, w, []byte("another")) }, policy.CodeTimeUnproven, "", ""},
		"an entry of another signature": {keep(1), func(t testing.TB, w *witness, c, sig []byte) {
			i.enter(t, w, k, c, bytes.Repeat([]byte{7}, len(sig)), now)
		}, policy.CodeTimeUnproven, "", policy.CodeMalformed},
		"an entry by another key": {keep(1), func(t testing.TB, w *witness, c, sig []byte) { i.enter(t, w, keys()["stranger"], c, sig, now) }, policy.CodeTimeUnproven, "", policy.CodeMalformed},
		"an entry whose time was changed": {keep(-1), func(t testing.TB, w *witness, c, sig []byte) {
			logged(0)(t, w, c, sig)
			w.logged[0].IntegratedTime -= 1200
		}, policy.CodeTimeUnproven, "", ""},
		"a stamp that is none":                             {keep(1), func(_ testing.TB, w *witness, _, _ []byte) { w.stamps = [][]byte{[]byte("now")} }, policy.CodeTimeUnproven, "", ""},
		"a stamp that is none, beside an entry that holds": {keep(1), both(func(_ testing.TB, w *witness, _, _ []byte) { w.stamps = [][]byte{[]byte("now")} }, logged(0)), policy.CodeEvidenceVerified, "", ""},
	} {
		for _, form := range []string{policy.FormatCosignReferrer, policy.FormatBundle} {
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newStore()
				d := s.version("1.0.0")
				s.attach(inReferrer, d, s.witnessed(t, form, k, d, func(w *witness, content, sig []byte) { row.prove(t, w, content, sig) }))
				sig := judge(t, i.bounding(t, k, row.bounds), s, d.Digest)
				code := row.code
				if form == policy.FormatBundle && row.bundle != "" {
					code = row.bundle
				}
				if len(sig.Evidence) != 1 || sig.Evidence[0].Code != code || !strings.Contains(sig.Evidence[0].Detail, row.why) {
					t.Fatalf("got %+v, want one finding %s that says %q", sig.Evidence, code, row.why)
				}
				want := policy.Unverified
				switch code {
				case policy.CodeEvidenceVerified:
					want = policy.Verified
				case policy.CodeMalformed:
					want = policy.Invalid
				}
				if sig.Status != want {
					t.Errorf("got %q, want %q", sig.Status, want)
				}
				if steps := sig.Trace(); !strings.Contains(steps[0].Sentence, row.why) {
					t.Errorf("the trace does not say %q: %+v", row.why, steps)
				}
			})
		}
	}
}

func both(a, b func(testing.TB, *witness, []byte, []byte)) func(testing.TB, *witness, []byte, []byte) {
	return func(t testing.TB, w *witness, content, signature []byte) {
		a(t, w, content, signature)
		b(t, w, content, signature)
	}
}

func TestARevokedIdentityCountsByProvenTime_G3(t *testing.T) {
	t.Parallel()
	i := newInstance(t)
	const identity = "issuer: '" + provider + "', subject: '" + someone + "'"
	now := time.Now()
	for name, row := range map[string]struct {
		rest string
		code string
	}{
		"revoked later":        {", revoked: {from: '" + now.Add(time.Hour).UTC().Format(time.RFC3339) + "', before: keep}", policy.CodeEvidenceVerified},
		"revoked before":       {", revoked: {from: '" + now.Add(-time.Hour).UTC().Format(time.RFC3339) + "', before: keep}", policy.CodeRevoked},
		"revoked with all":     {", revoked: {from: '" + now.Add(time.Hour).UTC().Format(time.RFC3339) + "', before: deny}", policy.CodeRevoked},
		"of a time that ended": {", not_after: '" + now.Add(-time.Hour).UTC().Format(time.RFC3339) + "'", policy.CodeOutsideValidity},
	} {
		for form, build := range map[string]func(instance, testing.TB, *store, ocispec.Descriptor, time.Time, proof) ocispec.Manifest{
			policy.FormatCosignReferrer: instance.keylessSimple, policy.FormatBundle: instance.keylessBundle,
		} {
			t.Run(form+"/"+name, func(t *testing.T) {
				t.Parallel()
				s := newStore()
				d := s.version("1.0.0")
				s.attach(inReferrer, d, build(i, t, s, d, time.Now().Add(time.Minute), proof{true, true}))
				sig := judge(t, i.trusting(t, identity, ", certificate_log: optional"+row.rest), s, d.Digest)
				if len(sig.Evidence) != 1 || sig.Evidence[0].Code != row.code {
					t.Errorf("got %+v, want %s", sig.Evidence, row.code)
				}
			})
		}
	}
}

// TestTwoKeysOfOneSignerCountOnce_G3 rotates a key: both count in the overlap,
// as one signer of the two that are asked for.
func TestTwoKeysOfOneSignerCountOnce_G3(t *testing.T) {
	t.Parallel()
	const signers = "[{name: release, keys: [{file: ecdsa-p256}, {file: ed25519}]}, {name: review, key: {file: rsa}}]"
	s := newStore()
	d := s.version("1.0.0")
	s.attach(inReferrer, d, s.signed(t, keys()["ecdsa-p256"], d))
	s.attach(inReferrer, d, s.signed(t, keys()["ed25519"], d))
	one, two := judgeWith(t, "namespaces: {acme: {signers: "+signers+"}}"), judgeWith(t, "namespaces: {acme: {threshold: 2, signers: "+signers+"}}")
	if sig := judge(t, one, s, d.Digest); sig.Status != policy.Verified || len(sig.Signers) != 1 || sig.Signers[0] != "release" {
		t.Errorf("one of one: got %+v", sig)
	}
	if sig := judge(t, two, s, d.Digest); sig.Status != policy.Unverified {
		t.Errorf("two keys of one signer, two asked for: got %+v", sig)
	}
	s.attach(inReferrer, d, s.signed(t, keys()["rsa"], d))
	if sig := judge(t, two, s, d.Digest); sig.Status != policy.Verified {
		t.Errorf("two signers: got %+v", sig)
	}
}
