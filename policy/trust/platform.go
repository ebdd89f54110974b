package trust

import (
	"cmp"
	"fmt"
	"slices"
)

// Platforms are the registries whose ledgers count here beside this site's own,
// by name. All of them have keys.
func (p *Policy) Platforms() []Signer {
	if p == nil {
		return nil
	}
	return p.platforms
}

func (r *reader) platforms(texts []signerText) []Signer {
	var out []Signer
	for i, text := range texts {
		place := fmt.Sprintf("platforms[%d]", i)
		if text.Identity != nil {
			r.problem(place, "a platform signs with a key: expected key:, got identity:")
			continue
		}
		if len(text.Keys) > 0 || text.validityText != (validityText{}) {
			r.problem(place, "not_before, not_after, revoked and keys are for signers: expected one key:, or none that is trusted no more")
			continue
		}
		signers := r.signers(place, text)
		if len(signers) != 1 {
			continue
		}
		s := signers[0]
		if slices.ContainsFunc(out, func(other Signer) bool { return other.Name == s.Name || other.ID == s.ID }) {
			r.problem(place, "%q is there twice, by its name or its key", s.Name)
		}
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b Signer) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
