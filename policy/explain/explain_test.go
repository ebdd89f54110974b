package explain_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/explain"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

var sig, sbom = digest.FromString("signature"), digest.FromString("sbom")

// rule trusts ann and bob, two of whom must sign.
func rule(t *testing.T, name string) *trust.Namespace {
	t.Helper()
	ns := &trust.Namespace{Name: name, Threshold: 2, Attestations: []trust.Attestation{
		{Type: policy.KindReview}, {Type: policy.KindProvenance, Required: true, Builder: "https://ci.example.org"}, {Type: policy.KindSBOM, Required: true}}}
	for i, who := range []string{"ann", "bob"} {
		seed := make([]byte, ed25519.SeedSize)
		seed[0] = byte(i)
		s, err := trust.NewSigner(who, ed25519.NewKeyFromSeed(seed).Public())
		if err != nil {
			t.Fatal(err)
		}
		ns.Signers = append(ns.Signers, s)
	}
	return ns
}

func find(judge, code string, o policy.Outcome, d digest.Digest, detail string) policy.Finding {
	return policy.Finding{Code: code, Outcome: o, Detail: detail, Digest: d, Judge: judge}
}

func TestAJudgementIsToldStepByStep_G1(t *testing.T) {
	t.Parallel()
	c := explain.Case{Publisher: "acme", Reference: "reg/acme/hello@sha256:1", Rule: rule(t, "acme"),
		Signature: policy.Signature{Status: policy.Unverified, Signers: []string{"ann"},
			Evidence: []policy.Finding{find("signature", policy.CodeEvidenceVerified, policy.Allow, sig, "the signature by ann holds")},
			Vote:     find("signature", policy.CodeUnverified, policy.Deny, "", "1 of 2")},
		Attestations: policy.Attestations{
			All: []policy.Attestation{{PredicateType: "https://cyclonedx.org/bom", Kind: "sbom", Digest: sbom, Verified: true, Signer: "ann",
				Finding: find("signature", policy.CodeEvidenceVerified, policy.Allow, sbom, "holds")}},
			Votes: []policy.Finding{find("attestation", policy.CodeAttestationMissing, policy.Deny, "", "no provenance"),
				find("attestation", policy.CodeAttestationVerified, policy.Allow, "", "an sbom")}}}
	e := explain.Of(c)
	want := []explain.Step{
		{Stage: explain.StageRule, Outcome: policy.Allow, Code: "rule", Sentence: `namespace "acme" of the trust policy decides`},
		{Stage: explain.StageRule, Outcome: policy.Allow, Code: "threshold", Sentence: `signatures of 2 different trusted signers are required; trusted to sign: "ann", "bob"`},
		{Stage: explain.StageSignature, Outcome: policy.Allow, Code: policy.CodeEvidenceVerified, Sentence: "the signature by ann holds", Digest: sig},
		{Stage: explain.StageSignature, Outcome: policy.Deny, Code: policy.CodeUnverified, Sentence: "1 of 2", Decides: true},
		{Stage: explain.StageAttestation, Outcome: policy.Allow, Code: policy.CodeEvidenceVerified, Sentence: `https://cyclonedx.org/bom (sbom): signed by "ann", about this version, and it follows its schema`, Digest: sbom},
		{Stage: explain.StageRequirement, Outcome: policy.Deny, Code: policy.CodeAttestationMissing, Sentence: "no provenance", Decides: true},
		{Stage: explain.StageRequirement, Outcome: policy.Allow, Code: policy.CodeAttestationVerified, Sentence: "an sbom", Decides: true},
	}
	if diff := cmp.Diff(want, e.Steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	fixes := []string{`one of "bob" signs it: oarlock sign reg/acme/hello@sha256:1 --key KEY`,
		`a trusted signer attests provenance from builder "https://ci.example.org": oarlock attest reg/acme/hello@sha256:1 --type provenance --predicate FILE --key KEY`}
	if diff := cmp.Diff(fixes, e.Fixes); diff != "" {
		t.Errorf("fixes (-want +got):\n%s", diff)
	}
	if e.Outcome != policy.Deny || e.Rule.Namespace != "acme" || e.Rule.Threshold != 2 || len(e.Rule.Signers) != 2 {
		t.Errorf("got %v, %+v", e.Outcome, e.Rule)
	}
}

func TestWhatWouldMakeItPass_G1(t *testing.T) {
	t.Parallel()
	bare := &trust.Namespace{Name: "acme", Threshold: 1, Optional: true}
	for name, row := range map[string]struct {
		rule *trust.Namespace
		vote policy.Finding
		want string
	}{
		"nothing in the policy speaks for the publisher": {nil, find("signature", policy.CodeNoTrust, policy.Deny, "", "nobody"), `namespace "acme" with its signers (or "*"`},
		"nobody signed, and two must":                    {rule(t, "*"), find("signature", policy.CodeUnsigned, policy.Deny, "", "none"), `2 of "ann", "bob" sign it`},
		"something could not be read":                    {rule(t, "acme"), find("signature", policy.CodeUnreadable, policy.Unknown, "", "disk"), "tries again by itself"},
		"nobody is trusted at all":                       {bare, find("signature", policy.CodeUnsigned, policy.Deny, "", "none"), `names more signers for namespace "acme"`},
		"it passes":                                      {rule(t, "acme"), find("signature", policy.CodeVerified, policy.Allow, "", "signed"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := explain.Of(explain.Case{Publisher: "acme", Reference: "r", Rule: row.rule, Signature: policy.Signature{Vote: row.vote}})
			if got := strings.Join(e.Fixes, "\n"); !strings.Contains(got, row.want) || (row.want == "") != (got == "") {
				t.Errorf("got %q, want %q in it", got, row.want)
			}
			if e.Outcome != row.vote.Outcome {
				t.Errorf("outcome %v, want %v", e.Outcome, row.vote.Outcome)
			}
		})
	}
}

// Proves A5: who dated a review ahead is told how to take it back, and not to look
// for damaged bytes.
func TestAReviewThatIsNotYetIsReplaced_A5(t *testing.T) {
	t.Parallel()
	ns := rule(t, "acme")
	ns.Attestations = []trust.Attestation{{Type: policy.KindReview, Required: true}}
	for _, vote := range []policy.Finding{find("attestation", policy.CodeUnreadable, policy.Unknown, "", "not yet"), find("attestation", policy.CodeAttestationInvalid, policy.Deny, "", "rejected")} {
		c := explain.Case{Publisher: "acme", Reference: "r", Rule: ns, Signature: policy.Signature{Vote: find("signature", policy.CodeVerified, policy.Allow, "", "signed")},
			Attestations: policy.Attestations{Votes: []policy.Finding{vote}, All: []policy.Attestation{{Kind: policy.KindReview, Digest: sbom,
				Finding: find("attestation", policy.CodeNotYet, policy.Unknown, sbom, "not yet")}}}}
		got := explain.Of(c).Fixes
		if len(got) != 1 || !strings.Contains(got[0], `"replaces": ["`+sbom.String()+`"]`) || !strings.Contains(got[0], "--type review") || strings.Contains(got[0], "fsck") {
			t.Errorf("%s: got %q", vote.Code, got)
		}
	}
}

// Proves A5: who reviews is another than who signed.
func TestWhoSignedIsNotAskedToReview_A5(t *testing.T) {
	t.Parallel()
	ns := rule(t, "acme")
	ns.Threshold, ns.Attestations = 1, []trust.Attestation{{Type: policy.KindReview, Required: true}}
	c := explain.Case{Publisher: "acme", Reference: "r", Rule: ns, Signature: policy.Signature{Signers: []string{"ann"}, Vote: find("signature", policy.CodeVerified, policy.Allow, "", "signed")},
		Attestations: policy.Attestations{Votes: []policy.Finding{find("attestation", policy.CodeAttestationMissing, policy.Deny, "", "none")}}}
	if got := explain.Of(c).Fixes; len(got) != 1 || !strings.Contains(got[0], `one of "bob" reviews it`) {
		t.Errorf("got %q, want bob to review", got)
	}
	ns.Signers[1].OfLedger = true
	if got := explain.Of(c).Fixes; len(got) != 1 || !strings.Contains(got[0], "names another signer") {
		t.Errorf("a key of the publisher's ledger: got %q", got)
	}
}

// Nobody is told to sign with what counts no more, and several keys of one
// signer are one signer.
func TestWhoIsRevokedIsNotAskedToSign_G1(t *testing.T) {
	t.Parallel()
	ns := rule(t, "acme")
	ns.Threshold = 1
	ns.Signers = append(ns.Signers, ns.Signers[1])
	ns.Signers[0].Validity.Revoked = &trust.Revocation{From: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	c := explain.Case{Publisher: "acme", Reference: "r", Rule: ns, Signature: policy.Signature{Vote: find("signature", policy.CodeUnsigned, policy.Deny, "", "none")}}
	e := explain.Of(c)
	if e.Fixes[0] != `one of "bob" signs it: oarlock sign r --key KEY` {
		t.Errorf("got %q", e.Fixes)
	}
	if got := e.Steps[1].Sentence; got != `the signature of one trusted signer is required; trusted to sign: "ann", "bob"` {
		t.Errorf("got %q", got)
	}
	if r := e.Rule.Signers[0].Validity.Revoked; r == nil || r.From.Year() != 2026 {
		t.Errorf("the rule shows %+v", e.Rule.Signers[0])
	}
	ns.Threshold = 2
	if e := explain.Of(c); !strings.Contains(e.Fixes[0], "too few") {
		t.Errorf("two of one: got %q", e.Fixes)
	}
}

// A signer that no policy names is told with where it comes from.
func TestAKeyOfALedgerIsToldWithItsOrigin_G3(t *testing.T) {
	t.Parallel()
	ns := rule(t, "acme")
	ns.LedgerKeys = true
	day := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	ns.Signers[1].Name = "acme's ledger"
	ns.Signers[1].Origin = &policy.LedgerKey{Ledger: "oarlock/publishers:acme", Name: "laptop", AddedAt: day, NotBefore: day, RevokedFrom: day.AddDate(0, 1, 0)}
	e := explain.Of(explain.Case{Publisher: "acme", Reference: "r", Rule: ns})
	want := explain.Step{Stage: explain.StageRule, Outcome: policy.Allow, Code: "ledger_key", Digest: ns.Signers[1].ID,
		Sentence: `key "laptop" of acme's ledger (oarlock/publishers:acme), added 2026-03-01T00:00:00Z, counts from 2026-03-01T00:00:00Z, revoked from 2026-04-01T00:00:00Z`}
	if diff := cmp.Diff(want, e.Steps[2]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !e.Rule.LedgerKeys || e.Rule.Signers[1].Origin == nil {
		t.Errorf("the rule does not show it: %+v", e.Rule)
	}
}

// A case that nobody judged could not be told, and denies.
func TestAnEmptyCaseDoesNotPass(t *testing.T) {
	t.Parallel()
	if e := explain.Of(explain.Case{Publisher: "acme"}); e.Outcome.Allowed() || len(e.Fixes) == 0 {
		t.Errorf("got %+v", e)
	}
}
