package attest

import (
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// vote says whether what was heard meets one requirement.
func (h *hearing) vote(s policy.Subject, entry trust.Attestation) policy.Finding {
	f := policy.Finding{Outcome: policy.Deny, Digest: s.Digest, Judge: name}
	needs := fmt.Sprintf("namespace %q requires an attestation of type %q", h.ns.Name, entry.Type)
	if entry.AsksForBuilder() {
		needs += fmt.Sprintf(" from builder %q", entry.Builder+entry.BuilderPattern)
	}
	var unsigned, wrong []string
	for _, one := range h.deciding(entry) {
		why := one.Digest.String() + ": "
		switch {
		case one.Verified && !entry.Takes(one.Builder):
			wrong = append(wrong, why+fmt.Sprintf("built by %.200q", one.Builder))
		case one.Verified && one.facts.failed != "":
			wrong = append(wrong, why+one.facts.failed)
		case one.Verified && one.Kind == policy.KindReview && h.unread():
			// what could not be read may be a later one that rejects
		case one.Verified:
			f.Code, f.Outcome = policy.CodeAttestationVerified, policy.Allow
			f.Detail = fmt.Sprintf("%s, and %s is one, signed by %q", needs, one.Digest, one.Signer)
			return f
		case one.Finding.Code == policy.CodeUnknownSigner:
			unsigned = append(unsigned, why+one.Finding.Detail)
		default:
			wrong = append(wrong, why+one.Finding.Detail)
		}
	}
	switch {
	case h.unread():
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = needs + ", and some of what may be one could not be read"
	case len(wrong) > 0:
		f.Code, f.Detail = policy.CodeAttestationInvalid, fmt.Sprintf("%s, and none counts: %s", needs, few(wrong))
	case len(unsigned) > 0:
		f.Code, f.Detail = policy.CodeAttestationUnverified, fmt.Sprintf("%s, and no trusted signer signed one: %s", needs, few(unsigned))
	default:
		f.Code, f.Detail = policy.CodeAttestationMissing, needs+", and there is none"
	}
	return f
}

// deciding are the attestations of a type that may meet a requirement: of
// verified reviews the latest one alone.
func (h *hearing) deciding(entry trust.Attestation) []heard {
	var out []heard
	latest := -1
	for _, one := range h.all {
		switch {
		case !entry.Is(one.Kind, one.PredicateType):
		case one.Kind != policy.KindReview || !one.Verified:
			out = append(out, one)
		case latest < 0:
			latest, out = len(out), append(out, one)
		case one.facts.at.After(out[latest].facts.at), one.facts.at.Equal(out[latest].facts.at) && one.facts.failed != "":
			out[latest] = one
		}
	}
	return out
}

func (h *hearing) unread() bool {
	for _, f := range h.evidence {
		if f.Outcome == policy.Unknown {
			return true
		}
	}
	return false
}

func few(all []string) string {
	if len(all) > 3 {
		all = append(all[:3:3], fmt.Sprintf("and %d more", len(all)-3))
	}
	return strings.Join(all, "; ")
}
