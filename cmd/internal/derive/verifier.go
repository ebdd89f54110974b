package derive

import (
	"context"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// Trust reads the trust policy at path. Without one nobody is trusted.
func Trust(path string) (*trust.Policy, error) {
	if path == "" {
		return new(trust.Policy), nil
	}
	return trust.Load(path)
}

// A Verifier says who signed, and which attestations count.
type Verifier struct {
	Signed   *signature.Judge
	Attested *attest.Judge
}

// VerifyBy makes one that verifies by who and keeps up to cacheSize judgements; 0 is as many as a server needs.
// now says which reviews claim a time that is not yet.
func VerifyBy(who *trust.Policy, cacheSize int, now func() time.Time) (Verifier, error) {
	signed, err := signature.New(signature.Options{Trust: who, CacheSize: cacheSize})
	if err != nil {
		return Verifier{}, fmt.Errorf("trust policy: %w", err)
	}
	attested, err := attest.NewAt(signed, cacheSize, now)
	return Verifier{signed, attested}, err
}

// Signature says who signed.
func (j Verifier) Signature(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	return j.Signed.Judge(ctx, s, r)
}

// Attestations says which attestations count.
func (j Verifier) Attestations(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Attestations, error) {
	return j.Attested.Judge(ctx, s, r)
}

// CountsLedger reports whether the keys of a publisher's ledger count.
func (j Verifier) CountsLedger(publisher string) bool {
	ns := j.Signed.Trust().For(publisher)
	return ns != nil && ns.LedgerKeys
}

// Digest covers both judges: a catalog that was made without attestations is
// made again.
func (j Verifier) Digest() digest.Digest { return j.Attested.Digest() }
