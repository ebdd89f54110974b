package ingest

import (
	"context"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy"
)

// judge sets what v's signatures say, and what it waits for. An error means
// that ctx ended.
func (r *reading) verify(ctx context.Context, v *catalog.Version) error {
	subject := policy.Subject{Publisher: r.id.Publisher(), Digest: v.Digest, LedgerKeys: r.keys}
	held := &evidence{reading: r}
	sig, err := r.in.opts.Verifier.Signature(ctx, subject, held)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		sig = policy.Signature{Vote: policy.Finding{Code: policy.CodeUnreadable, Detail: err.Error()}}
	}
	v.Signature = index.Signature{Status: status(sig.Status), Signer: sig.Signer, Format: sig.Format}
	v.Pending = r.in.pending(sig)
	if err := r.attest(ctx, v, subject, held); err != nil {
		return err
	}
	return r.withhold(ctx, v)
}

// withhold sets the state of a version that readers cannot have, and what it
// waits for because of that. An error means that ctx ended.
func (r *reading) withhold(ctx context.Context, v *catalog.Version) error {
	if v.State == index.VersionBlocked || v.State == index.VersionQuarantined {
		v.State = index.VersionActive
	}
	state, reason, err := r.in.opts.Withheld(ctx, r.id.String(), v.Digest)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		v.Pending = append(v.Pending, index.Reason{Code: index.ReasonUnreadable, Detail: "whether it is blocked: " + err.Error()})
	case state != "":
		v.State = state
		v.Pending = append([]index.Reason{reason}, v.Pending...)
	}
	return nil
}

func status(s policy.SignatureStatus) index.SignatureStatus {
	switch s {
	case policy.Verified:
		return index.SignatureVerified
	case policy.Unsigned:
		return index.SignatureUnsigned
	case policy.Invalid:
		return index.SignatureInvalid
	}
	return index.SignatureUnverified // not known to hold
}

// pending is what a version waits for. Reasons beside the first say what is
// wrong with each piece of evidence.
func (in *Ingester) pending(sig policy.Signature) []index.Reason {
	vote := sig.Vote
	if vote.Outcome.Allowed() || in.opts.ListDeniedUnsafe && vote.Outcome == policy.Deny {
		return nil
	}
	reasons := []index.Reason{{Code: reasonCode(vote), Detail: vote.Detail}}
	for _, f := range sig.Evidence {
		if f.Outcome.Allowed() {
			continue
		}
		reasons = append(reasons, index.Reason{Code: reasonCode(f), Detail: f.About()})
	}
	return reasons
}

func reasonCode(f policy.Finding) string {
	if f.Outcome == policy.Unknown {
		return index.ReasonUnreadable
	}
	switch f.Code {
	case policy.CodeUnsigned:
		return index.ReasonUnsigned
	case policy.CodeNoTrust:
		return index.ReasonNoTrust
	case policy.CodeUnverified, policy.CodeUnknownSigner, policy.CodeRevoked, policy.CodeOutsideValidity, policy.CodeTimeUnproven:
		return index.ReasonSignatureUnknown
	}
	return index.ReasonSignatureInvalid
}

// evidence is what one repository holds, with its tags as they were listed.
// Several judges hear the same of the referrers.
type evidence struct {
	*reading
	of        digest.Digest
	referrers []ocispec.Descriptor
}

func (e *evidence) Tag(_ context.Context, tag string) (digest.Digest, error) {
	return tagIn(e.tags, e.damaged, tag)
}

func (e *evidence) Manifest(ctx context.Context, d digest.Digest) (string, []byte, error) {
	return e.in.opts.Source.Manifest(ctx, e.id.String(), d)
}

func (e *evidence) Blob(ctx context.Context, d digest.Digest, limit int64) ([]byte, error) {
	return e.in.opts.Source.Blob(ctx, e.id.String(), d, limit)
}

func (e *evidence) Referrers(ctx context.Context, d digest.Digest) ([]ocispec.Descriptor, error) {
	if e.of == d {
		return e.referrers, nil
	}
	all, err := e.in.opts.Source.Referrers(ctx, e.id.String(), d)
	if err == nil {
		e.of, e.referrers = d, all
	}
	return all, err
}
