package app

import (
	"context"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/attest"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// trustAt reads the trust policy at path. Without one nobody is trusted.
func trustAt(path string) (*trust.Policy, error) {
	if path == "" {
		return new(trust.Policy), nil
	}
	return trust.Load(path)
}

// judge says who signed, and which attestations count.
type judge struct {
	signed   *signature.Judge
	attested *attest.Judge
}

func newJudge(path string) (judge, error) {
	who, err := trustAt(path)
	if err != nil {
		return judge{}, err
	}
	return judgeBy(who, 0)
}

// judgeBy judges by who and keeps up to cacheSize judgements; 0 is as many as a server needs.
func judgeBy(who *trust.Policy, cacheSize int) (judge, error) {
	signed, err := signature.New(signature.Options{Trust: who, CacheSize: cacheSize})
	if err != nil {
		return judge{}, fmt.Errorf("trust policy: %w", err)
	}
	attested, err := attest.New(signed, cacheSize)
	return judge{signed, attested}, err
}

// Judge says who signed.
func (j judge) Judge(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Signature, error) {
	return j.signed.Judge(ctx, s, r)
}

// Attestations says which attestations count.
func (j judge) Attestations(ctx context.Context, s policy.Subject, r policy.Reader) (policy.Attestations, error) {
	return j.attested.Judge(ctx, s, r)
}

// CountsLedger reports whether the keys of a publisher's ledger count.
func (j judge) CountsLedger(publisher string) bool {
	ns := j.signed.Trust().For(publisher)
	return ns != nil && ns.LedgerKeys
}

// Digest covers both judges: a catalog that was made without attestations is
// made again.
func (j judge) Digest() digest.Digest { return j.attested.Digest() }
