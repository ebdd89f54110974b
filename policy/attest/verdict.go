package attest

import (
	"context"

	"github.com/oarlock/oarlock/policy"
)

// verdictBytes is what may be remembered of single pieces of evidence. Whoever
// may push may add to them, so a judgement of n pieces and one more would cost n
// again if each was looked at anew.
const verdictBytes = 16 << 20

// A verdict is what one piece of evidence says, wherever it is kept: an
// attestation, or a finding about what is none, or nothing. It depends on no
// clock: whether the time of a review is not yet is asked of all of them together.
type verdict struct {
	attestation *heard
	finding     *policy.Finding
}

func (v verdict) lasting() bool {
	return (v.finding == nil || v.finding.Outcome != policy.Unknown) && (v.attestation == nil || v.attestation.Finding.Outcome != policy.Unknown)
}

// size is about how many bytes v takes.
func (v verdict) size() int {
	n := 0
	if f := v.finding; f != nil {
		n += 128 + len(f.Detail)
	}
	if a := v.attestation; a != nil {
		n += 512 + len(a.PredicateType) + len(a.Builder) + len(a.Finding.Detail) + len(a.claims.failed) + len(a.claims.builder) + len(a.claims.reviewer) + 80*len(a.claims.replaces)
	}
	return n
}

// hear judges one piece of evidence, or knows it. Of the same envelope in two
// places, one that counts stays.
func (h *hearing) hear(ctx context.Context, p policy.Piece) {
	v := h.verdict(ctx, p)
	if v.finding != nil {
		h.evidence = append(h.evidence, p.Here(*v.finding))
	}
	if v.attestation == nil {
		return
	}
	one := h.timely(*v.attestation)
	one.Manifest = p.Manifest
	if i, ok := h.at[one.Digest]; ok {
		if one.Verified && !h.all[i].Verified {
			h.all[i] = one
		}
		return
	}
	h.at[one.Digest] = len(h.all)
	h.all = append(h.all, one)
}

// verdict is the one that is known, or what is read now. What could not be read
// is looked at again the next time.
func (h *hearing) verdict(ctx context.Context, p policy.Piece) verdict {
	key := ""
	if p.Key != "" {
		key = p.Key + h.ns.Digest().String()
		if v, ok := h.judge.pieces.Get(key); ok {
			return v
		}
	}
	v := h.read(p)
	if key != "" && v.lasting() && ctx.Err() == nil {
		h.judge.pieces.Add(key, v, v.size())
	}
	return v
}

func (h *hearing) read(p policy.Piece) verdict {
	s, ok := p.Read()
	switch {
	case !ok:
		return verdict{}
	case s.Payload == nil:
		return verdict{finding: &s.Finding}
	}
	said, err := parse(s.Payload)
	if err != nil {
		return verdict{finding: &policy.Finding{Code: policy.CodeMalformed, Outcome: policy.Deny, Digest: s.Digest, Judge: name, Detail: trimKind(err)}}
	}
	one := h.attestation(s, said)
	return verdict{attestation: &one}
}
