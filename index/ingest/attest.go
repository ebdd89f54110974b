package ingest

import (
	"context"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy"
)

// attest sets v's attestations, and what it waits for because of them. An
// error means that ctx ended.
func (r *reading) attest(ctx context.Context, v *catalog.Version, subject policy.Subject, held policy.Reader) error {
	attested, err := r.in.opts.Verifier.Attestations(ctx, subject, held)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		attested = policy.Attestations{Votes: []policy.Finding{{Code: policy.CodeUnreadable, Detail: err.Error()}}}
	}
	v.Attestations = nil
	for _, a := range attested.All {
		v.Attestations = append(v.Attestations, index.Attestation{PredicateType: a.PredicateType, Kind: a.Kind, Digest: a.Digest, Verified: a.Verified})
		if a.Verified {
			v.Attestations[len(v.Attestations)-1].Builder = a.Builder
		}
	}
	v.Pending = append(v.Pending, r.in.unattested(attested)...)
	return nil
}

// unattested is what a version waits for: each requirement that does not
// hold, and beside these whatever lies there and is no attestation.
func (in *Ingester) unattested(attested policy.Attestations) []index.Reason {
	var reasons []index.Reason
	for _, vote := range attested.Votes {
		if vote.Outcome.Allowed() || in.opts.ListDeniedUnsafe && vote.Outcome == policy.Deny {
			continue
		}
		reasons = append(reasons, index.Reason{Code: attestReason(vote), Detail: vote.Detail})
	}
	if len(reasons) == 0 {
		return nil
	}
	for _, f := range attested.Evidence {
		reasons = append(reasons, index.Reason{Code: attestReason(f), Detail: f.About()})
	}
	return reasons
}

func attestReason(f policy.Finding) string {
	if f.Outcome == policy.Unknown {
		return index.ReasonUnreadable
	}
	switch f.Code {
	case policy.CodeAttestationMissing:
		return index.ReasonAttestMissing
	case policy.CodeAttestationUnverified, policy.CodeUnknownSigner, policy.CodeRevoked, policy.CodeOutsideValidity, policy.CodeTimeUnproven:
		return index.ReasonAttestUnverified
	}
	return index.ReasonAttestInvalid
}
