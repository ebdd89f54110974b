package signature

import (
	"context"
	"fmt"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/trust"
	"github.com/opencontainers/go-digest"
)

// VerifyOptions say what VerifyRemote looks at.
type VerifyOptions struct {
	// Reference has a tag or a digest.
	Reference string
	// Within is the digest of an image index whose signature may cover the
	// reference, or "".
	Within digest.Digest
	// Trust says whose signature counts; trust.Only is that of given keys.
	Trust *trust.Policy
	// LedgerKeys reads what the ledger of a publisher says, beside one of its
	// repositories in a registry; nil reads none, so that a policy that counts
	// the keys of ledgers could not tell.
	LedgerKeys func(ctx context.Context, repository, publisher string) *policy.LedgerKeys
	Remote     Remote
}

// Verified is what VerifyRemote found out about one digest.
type Verified struct {
	// Reference is what was asked for, by digest.
	Reference string           `json:"reference"`
	Digest    digest.Digest    `json:"digest"`
	Signature policy.Signature `json:"signature"`
}

// VerifyRemote judges the signatures of what a remote registry holds, as the
// index does. It trusts the registry for which digest a tag names and for
// nothing else. An error wraps artifact.ErrUnverified where the trust policy
// does not let the digest pass, with the reason; then the answer tells more.
func VerifyRemote(ctx context.Context, o VerifyOptions) (Verified, error) {
	ref, err := o.Remote.resolve(ctx, o.Reference)
	if err != nil {
		return Verified{}, err
	}
	judge, err := New(Options{Trust: o.Trust, CacheSize: 16})
	if err != nil {
		return Verified{}, err
	}
	v := Verified{Reference: ref.String(), Digest: digest.Digest(ref.DigestStr())}
	subject := policy.Subject{Publisher: publisherOf(ref.RepositoryStr()), Digest: v.Digest, Within: o.Within}
	if o.LedgerKeys != nil {
		subject.LedgerKeys = o.LedgerKeys(ctx, ref.Repository.Name(), subject.Publisher)
	}
	v.Signature, err = judge.Judge(ctx, subject, remoteReader{ref.Context(), o.Remote.options(ctx)})
	if err != nil {
		return v, err
	}
	switch vote := v.Signature.Vote; vote.Outcome {
	case policy.Allow:
		return v, nil
	case policy.Deny:
		return v, fmt.Errorf("%s: %s: %w", v.Reference, reasons(v.Signature), artifact.ErrUnverified)
	default:
		return v, fmt.Errorf("%s: %s", v.Reference, reasons(v.Signature))
	}
}

// Evidence resolves a reference and gives what its repository holds about it,
// for a judge. It trusts the registry for which digest a tag names.
func (r Remote) Evidence(ctx context.Context, reference string) (policy.Subject, policy.Reader, error) {
	ref, err := r.resolve(ctx, reference)
	if err != nil {
		return policy.Subject{}, nil, err
	}
	subject := policy.Subject{Publisher: publisherOf(ref.RepositoryStr()), Digest: digest.Digest(ref.DigestStr())}
	return subject, remoteReader{ref.Context(), r.options(ctx)}, nil
}

// reasons is the vote with what was wrong with each piece of evidence.
func reasons(sig policy.Signature) string {
	parts := []string{sig.Vote.Detail}
	for _, f := range sig.Evidence {
		if f.Outcome != policy.Allow {
			parts = append(parts, f.About())
		}
	}
	return strings.Join(parts, "; ")
}

// publisherOf is the namespace of a repository, which may be deeper on a
// mirror: mirror/acme/hello is a plugin of acme.
func publisherOf(repo string) string {
	parts := strings.Split(repo, "/")
	if len(parts) < 2 {
		return repo
	}
	return parts[len(parts)-2]
}
