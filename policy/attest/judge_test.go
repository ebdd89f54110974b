package attest_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/attest/attesttest"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

var subject = policy.Subject{Publisher: "acme", Digest: digest.FromString("acme/hello 1.0.0")}

const publicKey = `"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"`

// publicPEM is the public key that a seed gives.
func publicPEM(t testing.TB, seed byte) string {
	t.Helper()
	raw, err := x509.MarshalPKIXPublicKey(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)).Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: raw}))
}

func policyOf(t testing.TB, attestations string) *trust.Policy {
	t.Helper()
	p, err := trust.Parse(fmt.Appendf(nil, "namespaces: {acme: {signers: [{name: release, key: {pem: %s}}, {name: security, key: {pem: %q}}], attestations: [%s]}}", publicKey, publicPEM(t, 1), attestations), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// said is a Signatures that found these statements.
type said struct {
	trust *trust.Policy
	all   []policy.Statement
	key   string
	// released is who signed the version; nil is "release".
	released *policy.Signature
}

func (s said) Judge(context.Context, policy.Subject, policy.Reader) (policy.Signature, error) {
	if s.released != nil {
		return *s.released, nil
	}
	return policy.Signature{Status: policy.Verified, Signers: []string{"release"}}, nil
}

func (s said) Trust() *trust.Policy { return s.trust }

func (s said) Statements(context.Context, policy.Subject, policy.Reader) policy.Statements {
	return policy.Statements{Key: s.key, Each: func(yield func(policy.Piece) bool) {
		for _, one := range s.all {
			p := policy.Piece{Subject: one.Subject, Manifest: one.Manifest, Digest: one.Digest, Format: one.Format,
				Read: func() (policy.Statement, bool) { return one, true }}
			if !yield(p) {
				return
			}
		}
	}}
}

// by is a statement about the subject; signer "" is a stranger.
func by(signer, predicateType, predicate string) policy.Statement {
	payload := fmt.Appendf(nil, `{"_type":%q,"subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":%s}`,
		attest.StatementV1, subject.Digest.Encoded(), predicateType, predicate)
	s := policy.Statement{Subject: subject.Digest, Digest: digest.FromBytes(payload), Payload: payload, Signer: signer,
		Finding: policy.Finding{Code: policy.CodeEvidenceVerified, Outcome: policy.Allow, Detail: "holds"}}
	if signer == "" {
		s.Digest = digest.FromString(s.Digest.String() + "stranger")
		s.Finding = policy.Finding{Code: policy.CodeUnknownSigner, Outcome: policy.Deny, Detail: "no trusted key"}
	}
	return s
}

func review(verdict, at string) policy.Statement {
	return by("security", attest.TypeReview, fmt.Sprintf(`{"verdict":%q,"reviewer":"r","reviewed_at":%q,"reason":"because"}`, verdict, at))
}

func judge(t testing.TB, s said) policy.Attestations {
	t.Helper()
	j, err := attest.New(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	a, err := j.Judge(context.Background(), subject, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestRequirementsAreVotedOn_A5 is what a namespace requires × what there is.
func TestRequirementsAreVotedOn_A5(t *testing.T) {
	t.Parallel()
	good := func(signer, predicateType string) policy.Statement {
		return by(signer, predicateType, attesttest.Good[predicateType])
	}
	unread := policy.Statement{Finding: policy.Finding{Code: policy.CodeEvidenceUnread, Outcome: policy.Unknown, Detail: "disk"}}
	const own = "https://example.org/own"
	builder := "{type: provenance, builder: https://ci.example.org/runner}"
	for name, row := range map[string]struct {
		required string
		there    []policy.Statement
		want     string
	}{
		"nothing is required and nothing is there":     {"", nil, policy.CodeOptional},
		"nothing is required and something is unread":  {"", []policy.Statement{unread}, policy.CodeOptional},
		"an SBOM that is not there":                    {"{type: sbom}", []policy.Statement{good("release", attest.TypeReview)}, policy.CodeAttestationMissing},
		"an SBOM in CycloneDX":                         {"{type: sbom}", []policy.Statement{good("release", attest.TypeCycloneDX)}, policy.CodeAttestationVerified},
		"an SBOM in SPDX":                              {"{type: sbom}", []policy.Statement{good("release", attest.TypeSPDX)}, policy.CodeAttestationVerified},
		"an SBOM by its URI, in another form":          {"{type: 'https://cyclonedx.org/bom'}", []policy.Statement{good("release", attest.TypeSPDX)}, policy.CodeAttestationMissing},
		"an SBOM by a stranger":                        {"{type: sbom}", []policy.Statement{good("", attest.TypeSPDX)}, policy.CodeAttestationUnverified},
		"an SBOM by a stranger beside a good one":      {"{type: sbom}", []policy.Statement{good("", attest.TypeSPDX), good("release", attest.TypeSPDX)}, policy.CodeAttestationVerified},
		"an SBOM against its schema":                   {"{type: sbom}", []policy.Statement{by("release", attest.TypeSPDX, "{}")}, policy.CodeAttestationInvalid},
		"an SBOM that may be among the unread":         {"{type: sbom}", []policy.Statement{unread, good("", attest.TypeSPDX)}, policy.CodeUnreadable},
		"an SBOM beside the unread":                    {"{type: sbom}", []policy.Statement{unread, good("release", attest.TypeSPDX)}, policy.CodeAttestationVerified},
		"an own type":                                  {"{type: '" + own + "'}", []policy.Statement{by("release", own, `{"any":"thing"}`)}, policy.CodeAttestationVerified},
		"an own type is no kind":                       {"{type: sbom}", []policy.Statement{by("release", own, attesttest.Good[attest.TypeSPDX])}, policy.CodeAttestationMissing},
		"provenance by the builder":                    {builder, []policy.Statement{good("release", attest.TypeProvenanceV1)}, policy.CodeAttestationVerified},
		"provenance 0.2 by the builder":                {builder, []policy.Statement{good("release", attest.TypeProvenanceV02)}, policy.CodeAttestationVerified},
		"provenance by another builder":                {"{type: provenance, builder: https://other.example.org}", []policy.Statement{good("release", attest.TypeProvenanceV1)}, policy.CodeAttestationInvalid},
		"provenance by one of two builders":            {builder + ", {type: provenance, required: false, builder: https://other.example.org}", []policy.Statement{good("release", attest.TypeProvenanceV1)}, policy.CodeAttestationVerified},
		"provenance by the builder that is not needed": {"{type: provenance, builder: https://other.example.org}, {type: provenance, required: false, builder: https://ci.example.org/runner}", []policy.Statement{good("release", attest.TypeProvenanceV1)}, policy.CodeAttestationInvalid},
		"tests that failed":                            {"{type: test-result}", []policy.Statement{by("release", attest.TypeTestResult, `{"result":"FAILED","configuration":[{"name":"x"}]}`)}, policy.CodeAttestationInvalid},
		"tests that failed once and then passed":       {"{type: test-result}", []policy.Statement{by("release", attest.TypeTestResult, `{"result":"FAILED","configuration":[{"name":"x"}]}`), good("release", attest.TypeTestResult)}, policy.CodeAttestationVerified},
		"a review that approves":                       {"{type: review}", []policy.Statement{review("approved", "2026-01-02T03:04:05Z")}, policy.CodeAttestationVerified},
		"a review that rejects later":                  {"{type: review}", []policy.Statement{review("rejected", "2026-01-03T03:04:05Z"), review("approved", "2026-01-02T03:04:05Z")}, policy.CodeAttestationInvalid},
		"a review that approves later":                 {"{type: review}", []policy.Statement{review("approved", "2026-01-03T03:04:05Z"), review("rejected", "2026-01-02T03:04:05Z")}, policy.CodeAttestationVerified},
		"two reviews at the same time":                 {"{type: review}", []policy.Statement{review("approved", "2026-01-02T03:04:05Z"), review("rejected", "2026-01-02T03:04:05Z")}, policy.CodeAttestationInvalid},
		"a review beside what cannot be read":          {"{type: review}", []policy.Statement{review("approved", "2026-01-02T03:04:05Z"), unread}, policy.CodeUnreadable},
		"a stranger's later rejection":                 {"{type: review}", []policy.Statement{review("approved", "2026-01-02T03:04:05Z"), by("", attest.TypeReview, `{"verdict":"rejected","reviewer":"x","reviewed_at":"2027-01-01T00:00:00Z","reason":"x"}`)}, policy.CodeAttestationVerified},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := judge(t, said{trust: policyOf(t, row.required), all: row.there})
			v := a.Verdict()
			if len(v.Findings) != 1 || v.Findings[0].Code != row.want || v.Findings[0].Detail == "" {
				t.Fatalf("got %+v, want %s", v.Findings, row.want)
			}
			if allowed := row.want == policy.CodeAttestationVerified || row.want == policy.CodeOptional; v.Outcome().Allowed() != allowed {
				t.Errorf("got %v for %s", v.Outcome(), row.want)
			}
		})
	}
}

// Proves B6 for attestations: what was signed reads the same to everybody.
func TestAStatementThatReadersUnderstandDifferentlyDoesNotCount_B6(t *testing.T) {
	t.Parallel()
	for says, s := range map[string]policy.Statement{
		"a verdict twice":   by("release", attest.TypeReview, `{"verdict":"rejected","verdict":"approved","reviewer":"r","reviewed_at":"2026-01-01T00:00:00Z","reason":"x"}`),
		"a predicate twice": by("release", attest.TypeReview, `{},"predicate":{"verdict":"approved","reviewer":"r","reviewed_at":"2026-01-01T00:00:00Z"}`),
		"PredicateType too": by("release", attest.TypeReview, `{"verdict":"approved","reviewer":"r","reviewed_at":"2026-01-01T00:00:00Z"},"PredicateType":"x"`),
	} {
		a := judge(t, said{trust: policyOf(t, "{type: review}"), all: []policy.Statement{s}})
		if a.Verdict().Outcome().Allowed() {
			t.Errorf("%s counts: %+v", says, a)
		}
		if !slices.ContainsFunc(a.Evidence, func(f policy.Finding) bool { return strings.Contains(f.Detail, "readers differ") }) {
			t.Errorf("%s: why is not told: %+v", says, a.Evidence)
		}
	}
}

func TestUnknownTypesAreKeptAsTheyAre_G2(t *testing.T) {
	t.Parallel()
	const own = "https://example.org/own"
	a := judge(t, said{trust: policyOf(t, ""), all: []policy.Statement{by("", own, `{"a":1}`), by("release", own, `{"a":1}`), by("release", own, `[]`)}})
	verified := 0
	for _, one := range a.All {
		if one.Kind != "" || one.PredicateType != own {
			t.Errorf("got %+v, want no kind", one)
		}
		if one.Verified {
			verified++
		}
	}
	if len(a.All) != 3 || verified != 1 {
		t.Errorf("got %d, %d of them verified, want 3 and 1: %+v", len(a.All), verified, a)
	}
}

func TestWhereNobodyIsTrustedNothingCounts_G2(t *testing.T) {
	t.Parallel()
	a := judge(t, said{trust: nil, all: []policy.Statement{by("release", attest.TypeSPDX, attesttest.Good[attest.TypeSPDX])}})
	if len(a.All) != 1 || a.All[0].Verified {
		t.Errorf("got %+v, want one that is not verified", a)
	}
}

func TestTheOrderOfEvidenceSaysNothing_C1(t *testing.T) {
	t.Parallel()
	all := []policy.Statement{review("approved", "2026-01-02T03:04:05Z"), by("", attest.TypeSPDX, "{}"), by("release", attest.TypeSPDX, attesttest.Good[attest.TypeSPDX]),
		by("release", attest.TypeCycloneDX, attesttest.Good[attest.TypeCycloneDX])}
	who := policyOf(t, "{type: sbom}")
	first := fmt.Sprint(judge(t, said{trust: who, all: all}).All)
	slices.Reverse(all)
	if again := fmt.Sprint(judge(t, said{trust: who, all: all}).All); again != first {
		t.Errorf("got %s, then %s", first, again)
	}
}

func TestAPolicyIsNotAnsweredFromAnothersCache(t *testing.T) {
	t.Parallel()
	s := &said{trust: policyOf(t, "{type: sbom}"), all: []policy.Statement{by("", attest.TypeSPDX, "{}")}, key: "same"}
	j, err := attest.New(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	before := j.Digest()
	for _, row := range []struct{ required, want string }{{"{type: sbom}", policy.CodeAttestationUnverified}, {"{type: review}", policy.CodeAttestationMissing}} {
		s.trust = policyOf(t, row.required)
		a, err := j.Judge(t.Context(), subject, nil)
		if err != nil || a.Votes[0].Code != row.want {
			t.Errorf("%s: got %+v, %v, want %s", row.required, a, err, row.want)
		}
	}
	if j.Digest() == before {
		t.Error("another policy has the same digest")
	}
}

// FuzzStatement reads any bytes as a statement that a trusted signer signed.
func FuzzStatement(f *testing.F) {
	for predicateType, predicate := range attesttest.Good {
		f.Add(by("release", predicateType, predicate).Payload)
	}
	f.Add([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":null}],"predicateType":"x"}`))
	who := policyOf(f, "{type: review}, {type: provenance, builder: x}")
	f.Fuzz(func(t *testing.T, payload []byte) {
		a := judge(t, said{trust: who, all: []policy.Statement{{Subject: subject.Digest, Digest: digest.FromBytes(payload), Payload: payload, Signer: "release"}}})
		for _, one := range a.All {
			if one.Verified && !strings.Contains(string(payload), subject.Digest.Encoded()) && !strings.Contains(string(payload), `\u`) {
				t.Fatalf("about something else: %+v", one)
			}
		}
		if len(a.All)+len(a.Evidence) != 1 {
			t.Fatalf("got %+v, want one", a)
		}
	})
}
