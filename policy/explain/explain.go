package explain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

// A Case is a version with what the judges found out about it.
type Case struct {
	Publisher string
	// Reference is how the version is named in commands to paste.
	Reference    string
	Rule         *trust.Namespace // that decides; nil where none does
	Signature    policy.Signature
	Attestations policy.Attestations
}

// The stages of an explanation, in their order.
const (
	StageRule        = "rule"
	StageSignature   = "signature"
	StageAttestation = "attestation"
	StageRequirement = "requirement"
)

// A Step is one step of a judgement.
type Step struct {
	Stage   string         `json:"stage" enum:"rule,signature,attestation,requirement,catalog"`
	Outcome policy.Outcome `json:"outcome" enum:"allow,deny,could_not_tell"`
	// Code is that of the finding, stable and made for programs.
	Code     string `json:"code"`
	Sentence string `json:"sentence"`
	// Digest is the piece of evidence that the step is about.
	Digest digest.Digest `json:"digest,omitempty"`
	// Decides: the version passes only where this step allows. The others say
	// why a step that decides came out as it did.
	Decides bool `json:"decides"`
}

// An Explanation is a judgement told step by step.
type Explanation struct {
	Rule    Rule           `json:"rule"`
	Outcome policy.Outcome `json:"outcome" enum:"allow,deny,could_not_tell"`
	Steps   []Step         `json:"steps"`
	// Fixes are what would make it pass; none where it does.
	Fixes []string `json:"fixes"`
}

// Of explains a case.
func Of(c Case) Explanation {
	e := Explanation{Rule: RuleOf(c.Rule), Outcome: c.Signature.Verdict().And(c.Attestations.Verdict()).Outcome()}
	e.Steps = append(append(e.Steps, c.rule()...), c.origins()...)
	for _, f := range c.Signature.Evidence {
		e.Steps = append(e.Steps, stepOf(StageSignature, f))
	}
	if c.Signature.Covered != "" {
		e.Steps = append(e.Steps, Step{Stage: StageSignature, Outcome: policy.Allow, Code: policy.CodeEvidenceVerified,
			Sentence: "the signature of the image index covers this build", Digest: c.Signature.Covered})
	}
	e.Steps = append(e.Steps, vote(StageSignature, c.Signature.Vote))
	for _, a := range c.Attestations.All {
		e.Steps = append(e.Steps, attestation(a))
	}
	for _, f := range c.Attestations.Evidence {
		e.Steps = append(e.Steps, stepOf(StageAttestation, f))
	}
	for _, f := range c.Attestations.Votes {
		e.Steps = append(e.Steps, vote(StageRequirement, f))
	}
	e.Fixes = c.fixes()
	return e
}

// rule says which namespace decides, and what it asks for.
func (c Case) rule() []Step {
	said := func(o policy.Outcome, code, format string, args ...any) Step {
		return Step{Stage: StageRule, Outcome: o, Code: code, Sentence: fmt.Sprintf(format, args...)}
	}
	switch {
	case c.Rule == nil:
		return []Step{said(policy.Deny, policy.CodeNoTrust, "the trust policy has neither namespace %q nor %q, so nobody is trusted to sign for it", c.Publisher, trust.Everyone)}
	case c.Rule.Name == c.Publisher:
		return []Step{said(policy.Allow, "rule", "namespace %q of the trust policy decides", c.Rule.Name), c.asks()}
	}
	return []Step{said(policy.Allow, "rule", "namespace %q of the trust policy decides, since it has none for publisher %q", c.Rule.Name, c.Publisher), c.asks()}
}

func (c Case) asks() Step {
	who := "nobody is trusted to sign"
	if names := c.signers(func(trust.Signer) bool { return true }); len(names) > 0 {
		who = "trusted to sign: " + strings.Join(names, ", ")
	}
	text := fmt.Sprintf("signatures of %d different trusted signers are required; %s", c.Rule.Threshold, who)
	switch {
	case c.Rule.Optional:
		text = "a signature is not required; " + who
	case c.Rule.Threshold == 1:
		text = "the signature of one trusted signer is required; " + who
	}
	return Step{Stage: StageRule, Outcome: policy.Allow, Code: "threshold", Sentence: text}
}

// origins say where the signers come from that the policy does not name.
func (c Case) origins() []Step {
	if c.Rule == nil || !c.Rule.LedgerKeys {
		return nil
	}
	var out []Step
	for _, s := range c.Rule.Signers {
		if s.Origin != nil {
			out = append(out, Step{Stage: StageRule, Outcome: policy.Allow, Code: "ledger_key", Digest: s.ID, Sentence: origin(c.Publisher, *s.Origin)})
		}
	}
	if len(out) == 0 {
		out = []Step{{Stage: StageRule, Outcome: policy.Deny, Code: "ledger_key",
			Sentence: fmt.Sprintf("keys of %s's ledger count too, and it establishes none here", c.Publisher)}}
	}
	return out
}

func origin(publisher string, k policy.LedgerKey) string {
	said := fmt.Sprintf("key %q of %s's ledger (%s), added %s", k.Name, publisher, k.Ledger, k.AddedAt.UTC().Format(time.RFC3339))
	if !k.NotBefore.IsZero() {
		said += ", counts from " + k.NotBefore.Format(time.RFC3339)
	}
	if !k.RevokedFrom.IsZero() {
		said += ", revoked from " + k.RevokedFrom.Format(time.RFC3339)
	}
	return said
}

// signers are the names of the signers that keep holds for, each once: one may
// have several keys.
func (c Case) signers(keep func(trust.Signer) bool) []string {
	var names []string
	for _, s := range c.Rule.Signers {
		if name := fmt.Sprintf("%q", s.Name); keep(s) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func stepOf(stage string, f policy.Finding) Step {
	return Step{Stage: stage, Outcome: f.Outcome, Code: f.Code, Sentence: f.Detail, Digest: f.Digest}
}

func vote(stage string, f policy.Finding) Step {
	s := stepOf(stage, f)
	s.Digest, s.Decides = "", true
	return s
}

func attestation(a policy.Attestation) Step {
	s := Step{Stage: StageAttestation, Outcome: a.Finding.Outcome, Code: a.Finding.Code, Digest: a.Digest}
	s.Sentence = a.PredicateType
	if a.Kind != "" {
		s.Sentence += " (" + a.Kind + ")"
	}
	if a.Verified {
		s.Sentence += fmt.Sprintf(": signed by %q, about this version, and it follows its schema", a.Signer)
	} else {
		s.Sentence += ": " + a.Finding.Detail
	}
	if a.Builder != "" {
		s.Sentence += fmt.Sprintf("; built by %q", a.Builder)
	}
	return s
}
