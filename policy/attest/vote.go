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
	needs := h.needs(entry)
	w := h.weigh(entry)
	switch {
	case len(w.counts) > 0 && !w.rejected:
		f.Code, f.Outcome = policy.CodeAttestationVerified, policy.Allow
		f.Detail = fmt.Sprintf("%s, and %s is one, signed by %q", needs, w.counts[0].Digest, w.counts[0].Signer)
	case h.unread():
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = needs + ", and some of what may be one could not be read"
	case w.rejected:
		f.Code, f.Detail = policy.CodeAttestationInvalid, fmt.Sprintf("%s, and a reviewer rejected it: %s", needs, few(w.wrong))
	case len(w.untold) > 0:
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = fmt.Sprintf("%s, and could not tell whether one counts: %s", needs, few(w.untold))
	case len(w.early) > 0:
		f.Code, f.Outcome = policy.CodeUnreadable, policy.Unknown
		f.Detail = fmt.Sprintf("%s, and none counts yet: %s", needs, few(w.early))
	case len(w.wrong) > 0:
		f.Code, f.Detail = policy.CodeAttestationInvalid, fmt.Sprintf("%s, and none counts: %s", needs, few(w.wrong))
	case len(w.unsigned) > 0:
		f.Code, f.Detail = policy.CodeAttestationUnverified, fmt.Sprintf("%s, and no trusted signer signed one: %s", needs, few(w.unsigned))
	default:
		f.Code, f.Detail = policy.CodeAttestationMissing, needs+", and there is none"
	}
	return f
}

// needs is a requirement in words.
func (h *hearing) needs(entry trust.Attestation) string {
	needs := fmt.Sprintf("namespace %q requires an attestation of type %q", h.ns.Name, entry.Type)
	if entry.AsksForBuilder() {
		needs += fmt.Sprintf(" from builder %q", entry.Builder+entry.BuilderPattern)
	}
	if entry.AsksForSigner() {
		needs += " signed by " + quoted(entry.Signers)
	}
	return needs
}

// weighed is what was heard of one requirement: what counts, and why the rest
// does not.
type weighed struct {
	counts                         []heard
	rejected                       bool
	unsigned, wrong, early, untold []string
}

func (h *hearing) weigh(entry trust.Attestation) (w weighed) {
	for _, one := range h.deciding(entry) {
		w.rejected = w.rejected || one.rejects()
		why := one.Digest.String() + ": "
		by, other := h.another(one, entry)
		switch own := h.release.own(one); {
		case one.claims.early && one.claims.failed == "":
			w.early = append(w.early, why+one.Finding.Detail)
		case one.claims.early:
			w.wrong = append(w.wrong, why+one.claims.failed+"; "+one.Finding.Detail)
		case one.Finding.Code == policy.CodeUnknownSigner:
			w.unsigned = append(w.unsigned, why+one.Finding.Detail)
		case !one.Verified:
			w.wrong = append(w.wrong, why+one.Finding.Detail)
		case !entry.Takes(one.Builder):
			w.wrong = append(w.wrong, why+fmt.Sprintf("built by %.200q", one.Builder))
		case !entry.TakesSigner(one.Signer):
			w.wrong = append(w.wrong, why+fmt.Sprintf("signed by %q", one.Signer))
		case one.claims.failed != "":
			w.wrong = append(w.wrong, why+one.claims.failed)
		case own != nil:
			w.wrong = append(w.wrong, why+own.Detail)
		case other == policy.Unknown:
			w.untold = append(w.untold, why+by)
		case !other.Allowed():
			w.wrong = append(w.wrong, why+by)
		case one.Kind == policy.KindReview && h.unread():
			// what could not be read may be one that rejects
		default:
			w.counts = append(w.counts, one)
		}
	}
	return w
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
