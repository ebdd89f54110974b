package ledger

import (
	"fmt"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/policy"
)

// SigningKeys are the keys that count as signers by a publisher's ledger, of
// which counts is the last state that held. Where the ledger does not hold
// they are those of counts, with the problem; where statements could not be
// read, one of which may revoke a key, they are none.
func (j Judgement) SigningKeys(counts State) *policy.LedgerKeys {
	out := &policy.LedgerKeys{Publisher: j.Ref.Publisher(), Ledger: j.Ref.String()}
	problems := j.Problems()
	if len(problems) > 0 {
		f := problems[0].Finding
		f.Outcome = policy.Unknown
		f.Detail = fmt.Sprintf("the ledger %s does not hold, so that it could not be told which keys it establishes: %s", j.Ref, f.Detail)
		out.Problem = &f
	}
	unread := slices.ContainsFunc(problems, func(f Finding) bool { return f.Code == policy.CodeUnreadable })
	if counts.Publisher == nil || unread && j.Head != counts.Head {
		return out
	}
	for _, k := range counts.Publisher.Keys {
		one := policy.LedgerKey{Ledger: out.Ledger, Name: k.Name, ID: digest.Digest(k.ID), PEM: k.PEM, AddedAt: k.AddedAt}
		if k.From.After(counts.Publisher.ClaimedAt) { // else there was nothing of the publisher before
			one.NotBefore = k.From.UTC()
		}
		if k.RevokedFrom != nil {
			one.RevokedFrom = k.RevokedFrom.UTC()
		}
		out.Keys = append(out.Keys, one)
	}
	return out
}
