package main

import (
	"context"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/client"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/signature"
	"github.com/oarlock/oarlock/policy/trust"
)

// A verifier lets a version pass that the trust policy lets pass. The host
// judges for itself: what the server says about signatures does not count.
type verifier struct{ judge *signature.Judge }

func newVerifier(policyFile string) (client.Verifier, error) {
	who, err := trust.Load(policyFile)
	if err != nil {
		return nil, err
	}
	judge, err := signature.New(signature.Options{Trust: who, CacheSize: 64})
	if err != nil {
		return nil, err
	}
	return verifier{judge}, nil
}

func (v verifier) Verify(ctx context.Context, s client.Subject) (index.Signature, error) {
	got, err := v.judge.Judge(ctx, policy.Subject{Publisher: s.ID.Publisher(), Digest: s.Descriptor.Digest}, s.Evidence)
	if err != nil {
		return index.Signature{}, err
	}
	out := index.Signature{Status: index.SignatureStatus(got.Status), Signer: got.Signer, Format: got.Format}
	switch got.Vote.Outcome {
	case policy.Allow:
		return out, nil
	case policy.Deny:
		return out, fmt.Errorf("%s: %w", got.Vote.Detail, artifact.ErrUnverified)
	}
	return out, fmt.Errorf("could not tell who signed: %s", got.Vote.Detail)
}
