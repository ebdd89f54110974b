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
	var unsigned, wrong, early []string
	var counts []heard
	rejected := false
	for _, one := range h.deciding(entry) {
		rejected = rejected || one.rejects()
		why := one.Digest.String() + ": "
		switch {
		case one.claims.early && one.claims.failed == "":
			early = append(early, why+one.Finding.Detail)
		case one.claims.early:
			wrong = append(wrong, why+one.claims.failed+"; "+one.Finding.Detail)
		case one.Verified && !entry.Takes(one.Builder):
			wrong = append(wrong, why+fmt.Sprintf("built by %.200q", one.Builder))
		case one.Verified && one.claims.failed != "":
			wrong = append(wrong, why+one.claims.failed)
		case one.Verified && one.Kind == policy.KindReview && h.unread():
			// what could not be read may be one that rejects
		case one.Verified:
			counts = append(counts, one)
		case one.Finding.Code == policy.CodeUnknownSigner:
			unsigned = append(unsigned, why+one.Finding.Detail)
		default:
			wrong = append(wrong, why+one.Finding.Detail)
		}
	}
	switch {
	case len(counts) > 0 && !rejected:
		f.Code, f.Outcome = policy.CodeAttestationVerified, policy.Allow
		f.Detail = fmt.Sprintf("%s, and %s is one, signed by %q", needs, counts[0].Digest, counts[0].Signer)
	case h.unread():
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = needs + ", and some of what may be one could not be read"
	case rejected:
		f.Code, f.Detail = policy.CodeAttestationInvalid, fmt.Sprintf("%s, and a reviewer rejected it: %s", needs, few(wrong))
	case len(early) > 0:
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = fmt.Sprintf("%s, and none counts yet: %s", needs, few(early))
	case len(wrong) > 0:
		f.Code, f.Detail = policy.CodeAttestationInvalid, fmt.Sprintf("%s, and none counts: %s", needs, few(wrong))
	case len(unsigned) > 0:
		f.Code, f.Detail = policy.CodeAttestationUnverified, fmt.Sprintf("%s, and no trusted signer signed one: %s", needs, few(unsigned))
	default:
		f.Code, f.Detail = policy.CodeAttestationMissing, needs+", and there is none"
	}
	return f
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
