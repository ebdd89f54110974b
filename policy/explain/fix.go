package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// fixes say what would make the case pass.
func (c Case) fixes() []string {
	out := []string{}
	if !c.Signature.Vote.Outcome.Allowed() {
		out = append(out, c.signatureFix())
	}
	required := c.required()
	for i, vote := range c.Attestations.Votes {
		if !vote.Outcome.Allowed() && i < len(required) {
			out = append(out, c.attestationFix(vote, required[i]))
		}
	}
	return out
}

func (c Case) signatureFix() string {
	vote := c.Signature.Vote
	switch {
	case vote.Outcome == policy.Unknown && c.Rule != nil && c.Rule.LedgerKeys:
		return "some evidence, or the publisher's ledger, could not be told: the server tries again by itself; oarlock fsck names damaged bytes, and ledgers that do not hold"
	case vote.Outcome == policy.Unknown:
		return "some evidence could not be read: the server tries again by itself; oarlock fsck names damaged bytes"
	case c.Rule == nil:
		return fmt.Sprintf("the operator of the server gives the trust policy a namespace %q with its signers (or %q for everybody's)", c.Publisher, trust.Everyone)
	}
	missing := max(1, c.Rule.Threshold-len(c.Signature.Signers))
	names := c.signers(func(s trust.Signer) bool {
		return s.Validity.Revoked == nil && !slices.Contains(c.Signature.Signers, s.Name)
	})
	if len(names) < missing && c.Rule.LedgerKeys {
		return fmt.Sprintf("the publisher adds a key to its ledger and signs with it: oarlock publisher key add %s FILE; too few others can sign it", c.Publisher)
	}
	if len(names) < missing {
		return fmt.Sprintf("the operator of the server names more signers for namespace %q in the trust policy: too few of them can sign it", c.Rule.Name)
	}
	if missing == 1 {
		return fmt.Sprintf("one of %s signs it: oarlock sign %s --key KEY", strings.Join(names, ", "), c.Reference)
	}
	return fmt.Sprintf("%d of %s sign it: oarlock sign %s --key KEY", missing, strings.Join(names, ", "), c.Reference)
}

// required are the requirements in the order of their votes.
func (c Case) required() []trust.Attestation {
	if c.Rule == nil {
		return nil
	}
	var out []trust.Attestation
	for _, a := range c.Rule.Attestations {
		if a.Required {
			out = append(out, a)
		}
	}
	return out
}

// shortTypes are what `oarlock attest --type` takes for a kind.
var shortTypes = map[string]string{
	policy.KindSBOM: "cyclonedx", policy.KindProvenance: "provenance", policy.KindTestResult: "test-result",
	policy.KindVulnerabilities: "vulnerabilities", policy.KindReview: "review",
}

// reviewFix names who may review: nobody may what they alone signed.
func (c Case) reviewFix(wanted trust.Attestation, command string) string {
	names := c.signers(func(s trust.Signer) bool {
		own := slices.Equal(c.Signature.Signers, []string{s.Name}) || c.Rule.Publishers(s.Name)
		return s.Validity.Revoked == nil && wanted.TakesSigner(s.Name) && !own
	})
	if len(names) == 0 {
		return fmt.Sprintf("the operator of the server names another signer for namespace %q in the trust policy, who reviews it: nobody reviews what they alone signed", c.Rule.Name)
	}
	return fmt.Sprintf("one of %s reviews it, and another has signed the version: %s", strings.Join(names, ", "), command)
}

// early are the digests of reviews whose time is not yet, quoted.
func (c Case) early(wanted trust.Attestation) []string {
	var out []string
	for _, a := range c.Attestations.All {
		if a.Finding.Code == policy.CodeNotYet && wanted.Is(a.Kind, a.PredicateType) {
			out = append(out, fmt.Sprintf("%q", a.Digest))
		}
	}
	return out
}

func (c Case) attestationFix(vote policy.Finding, wanted trust.Attestation) string {
	early := c.early(wanted)
	if vote.Outcome == policy.Unknown && len(early) == 0 {
		return "some evidence could not be read: the server tries again by itself; oarlock fsck names damaged bytes"
	}
	short := shortTypes[wanted.Type]
	if short == "" {
		short = wanted.Type
	}
	command := fmt.Sprintf("oarlock attest %s --type %s --predicate FILE --key KEY", c.Reference, short)
	from := ""
	if wanted.AsksForBuilder() {
		from = fmt.Sprintf(" from builder %q", wanted.Builder+wanted.BuilderPattern)
	}
	if len(early) > 0 {
		return fmt.Sprintf("who signed a review whose time is not yet signs it anew with the time at which it was made as \"reviewed_at\", and with \"replaces\": [%s]: %s",
			strings.Join(early, ", "), command)
	}
	if wanted.Reviews() {
		return c.reviewFix(wanted, command)
	}
	if vote.Code == policy.CodeAttestationInvalid {
		return fmt.Sprintf("what is attested as %s does not count, for the reasons above; attest a right one%s: %s", wanted.Type, from, command)
	}
	return fmt.Sprintf("a trusted signer attests %s%s: %s", wanted.Type, from, command)
}
