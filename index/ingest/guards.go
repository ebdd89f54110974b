package ingest

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/policy"
)

// NothingWithheld is Options.Withheld of a source from which everybody may have
// everything.
func NothingWithheld(context.Context, string, digest.Digest) (index.VersionState, index.Reason, error) {
	return "", index.Reason{}, nil
}

// withheldUnknown is in the place of Options.Withheld where it is missing.
func withheldUnknown(context.Context, string, digest.Digest) (index.VersionState, index.Reason, error) {
	return "", index.Reason{}, errors.New("nobody was named who knows what is blocked")
}

// noVerifier is in the place of Options.Verifier where it is missing: every version
// stays pending.
type noVerifier struct{}

func (noVerifier) Signature(context.Context, policy.Subject, policy.Reader) (policy.Signature, error) {
	return policy.Signature{Vote: policy.Finding{Code: policy.CodeUnreadable, Judge: "signature",
		Detail: "there is no judge of signatures"}}, nil
}

func (noVerifier) Digest() digest.Digest { return digest.FromString("no judge") }

// Attestations has nothing to add: that nobody judges signatures keeps every
// version pending.
func (noVerifier) Attestations(context.Context, policy.Subject, policy.Reader) (policy.Attestations, error) {
	return policy.Attestations{}, nil
}

func (noVerifier) CountsLedger(string) bool { return true }
