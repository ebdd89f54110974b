package attest

import (
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// reviewSkew is how far the clock of a reviewer may be ahead of this one.
const reviewSkew = 5 * time.Minute

// A reviewer is who a review speaks for: the trusted signer, which is proven,
// and the name in the review, which only that signer can have written.
type reviewer struct{ signer, name string }

// deciding are the attestations of a type that may meet a requirement. Of
// verified reviews these are the latest of each reviewer, since nobody but who
// rejected can take that back; and those whose time is not yet, of which nobody
// can tell whether they are the latest.
func (h *hearing) deciding(entry trust.Attestation) []heard {
	var out []heard
	latest := map[reviewer]int{}
	for _, one := range h.all {
		if !entry.Is(one.Kind, one.PredicateType) {
			continue
		}
		if one.Kind != policy.KindReview || !one.Verified {
			out = append(out, one)
			continue
		}
		if one.claims.early = h.early(one); one.claims.early {
			out = append(out, one)
			continue
		}
		by := reviewer{one.Signer, one.claims.reviewer}
		i, ok := latest[by]
		switch {
		case !ok:
			latest[by], out = len(out), append(out, one)
		case one.claims.at.After(out[i].claims.at), one.claims.at.Equal(out[i].claims.at) && one.claims.failed != "":
			out[i] = one
		}
	}
	return out
}

// early reports whether a review claims a time that is not yet: whoever signs
// writes that time, and one in the future would outlast all that they say later.
func (h *hearing) early(one heard) bool {
	return one.Kind == policy.KindReview && one.Verified && one.claims.at.After(h.now.Add(reviewSkew))
}

// rejects reports whether what decides is a review that rejected.
func (one heard) rejects() bool {
	return one.Kind == policy.KindReview && one.Verified && !one.claims.early && one.claims.failed != ""
}

// anyEarly reports whether the judgement depends on the clock.
func (h *hearing) anyEarly() bool {
	for _, one := range h.all {
		if h.early(one) {
			return true
		}
	}
	return false
}
