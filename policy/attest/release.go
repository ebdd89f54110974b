package attest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
)

// A release is who signed a version, as far as its reviews depend on it: nobody
// reviews what they signed themselves, and no publisher what it publishes.
type release struct {
	signers []string
	// unread: some of what may be a signature could not be read.
	unread bool
	// ns has the keys of the publisher's ledger; nil where it could not be told
	// which they are.
	ns *trust.Namespace
}

// released finds out who signed the subject. The error is that ctx ended.
func (j *Judge) released(ctx context.Context, s policy.Subject, r policy.Reader, ns *trust.Namespace) (release, error) {
	sig, err := j.signatures.Judge(ctx, s, r)
	if err != nil {
		return release{}, err
	}
	out := release{signers: sig.Signers, unread: sig.Status == "", ns: ns}
	if ns == nil || !ns.LedgerKeys {
		return out, nil
	}
	out.ns = nil
	if s.LedgerKeys != nil && s.LedgerKeys.Problem == nil {
		if own, err := ns.With(s.LedgerKeys); err == nil {
			out.ns = own
		}
	}
	return out, nil
}

// key names everything that a judgement depends on, of r.
func (r release) key() string {
	return fmt.Sprintf(" released by %q unread %t told %t", r.signers, r.unread, r.ns != nil)
}

// own is why a review is no review because its signer released the version, or nil.
func (r release) own(one heard) *policy.Finding {
	why := ""
	switch {
	case one.Kind != policy.KindReview || !one.Verified:
		return nil
	case r.ns.Publishers(one.Signer):
		why = fmt.Sprintf("the review is signed by %q, which has a key of the publisher's own ledger: no publisher reviews what it publishes", one.Signer)
	case slices.Equal(r.signers, []string{one.Signer}) && !r.unread:
		why = fmt.Sprintf("the review is signed by %q, who alone signed the version: nobody reviews what they signed", one.Signer)
	default:
		return nil
	}
	return &policy.Finding{Code: policy.CodeSelfReview, Outcome: policy.Deny, Digest: one.Digest, Judge: name, Detail: why}
}

// another says whether a review that is nobody's own meets a requirement: somebody
// else signed the version or, where nobody did, the policy names the reviewer. why
// is "" where it does.
func (h *hearing) another(one heard, entry trust.Attestation) (why string, outcome policy.Outcome) {
	r := h.release
	switch {
	case one.Kind != policy.KindReview:
		return "", policy.Allow
	case h.ns.LedgerKeys && r.ns == nil:
		return "whose keys the publisher's ledger has could not be told, and so not whether the review is the publisher's own", policy.Unknown
	case slices.ContainsFunc(r.signers, func(s string) bool { return s != one.Signer }):
		return "", policy.Allow
	case r.unread:
		return "who signed the version could not be told, and so not whether the review is by another", policy.Unknown
	case entry.AsksForSigner() && len(r.signers) == 0:
		return "", policy.Allow
	}
	return fmt.Sprintf("nobody but %q is known to have released it: expected another's signature of the version, or signers: of this attestation in the trust policy", one.Signer), policy.Deny
}

// takesSigner reports whom the namespace takes attestations of that type from, and
// whether a is by one of them.
func (h *hearing) takesSigner(a policy.Attestation) (wanted string, ok bool) {
	if h.ns == nil {
		return "", false
	}
	var all []string
	for _, entry := range h.ns.Attestations {
		if !entry.AsksForSigner() || !entry.Is(a.Kind, a.PredicateType) {
			continue
		}
		if entry.TakesSigner(a.Signer) {
			return "", true
		}
		all = append(all, entry.Signers...)
	}
	return quoted(all), len(all) == 0
}

func quoted(names []string) string {
	all := make([]string, len(names))
	for i, one := range names {
		all[i] = fmt.Sprintf("%q", one)
	}
	return strings.Join(all, " or ")
}
