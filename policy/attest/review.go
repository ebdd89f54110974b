package attest

import (
	"fmt"
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

// reviewSkew is how far the clock of a reviewer may be ahead of this one.
const reviewSkew = 5 * time.Minute

// A reviewer is who a review speaks for: the trusted signer, which is proven,
// and the name in the review, which only that signer can have written.
type reviewer struct{ signer, name string }

func (one heard) by() reviewer { return reviewer{one.Signer, one.claims.reviewer} }

// timely is one as it counts now. A review that claims a time that is not yet
// does not: whoever signs writes that time, and one in the future would outlast
// all that they say later.
func (h *hearing) timely(one heard) heard {
	if one.Kind != policy.KindReview || !one.Verified || !one.claims.at.After(h.now.Add(reviewSkew)) {
		return one
	}
	one.Verified, one.claims.early = false, true
	one.Finding = policy.Finding{Code: policy.CodeNotYet, Outcome: policy.Unknown, Digest: one.Digest, Judge: name,
		Detail: fmt.Sprintf("the review by %q says that it was made at %s, which is not yet", one.Signer, one.claims.at.UTC().Format(time.RFC3339))}
	return one
}

// deciding are the attestations of a type that may meet a requirement. Of
// verified reviews these are the latest of each reviewer, since nobody but who
// rejected can take that back. Those whose time is not yet are no reviewer's
// latest and stand beside them: an approval counts for nothing, and hides none;
// a rejection denies. What its reviewer replaced is left out.
func (h *hearing) deciding(entry trust.Attestation) []heard {
	var out []heard
	latest, replaced := map[reviewer]int{}, h.replaced()
	for _, one := range h.all {
		switch {
		case !entry.Is(one.Kind, one.PredicateType), replaced[replacement{one.by(), one.Digest}]:
			continue
		case one.Kind != policy.KindReview || !one.Verified:
			out = append(out, one)
			continue
		}
		i, ok := latest[one.by()]
		switch {
		case !ok:
			latest[one.by()], out = len(out), append(out, one)
		case one.claims.at.After(out[i].claims.at), one.claims.at.Equal(out[i].claims.at) && one.claims.failed != "":
			out[i] = one
		}
	}
	return out
}

// A replacement is a review that the same reviewer replaced by another.
type replacement struct {
	by     reviewer
	review digest.Digest
}

// replaced are the reviews that their own reviewers replaced. Who names the
// digest of a review wrote later than it, whatever times the two claim. A review
// whose time is not yet replaces nothing.
func (h *hearing) replaced() map[replacement]bool {
	out := map[replacement]bool{}
	for _, one := range h.all {
		if one.Kind != policy.KindReview || !one.Verified {
			continue
		}
		for _, d := range one.claims.replaces {
			out[replacement{one.by(), d}] = true
		}
	}
	return out
}

// rejects reports whether what decides is a review that rejected. That its time
// is not yet takes nothing from a rejection: a clock that is wrong must not list
// what a reviewer turned down.
func (one heard) rejects() bool {
	return one.Kind == policy.KindReview && (one.Verified || one.claims.early) && one.claims.failed != ""
}
