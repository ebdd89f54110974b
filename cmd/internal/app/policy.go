package app

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/derive"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/audit"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/explained"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/explain"
	"github.com/oarlock/oarlock/policy/trust"
)

// policies are the trust policy as the API asks for it: api.Policies.
type policies struct {
	*joined
	acts        audit.Log
	now         func() time.Time
	listsDenied bool
}

var _ api.Policies = policies{}

// Explain implements api.Policies. Where the policy is replaced meanwhile it
// judges again, so that rule and judgement belong together.
func (p policies) Explain(ctx context.Context, id artifact.Name, v *catalog.Version, reference string) (explain.Explanation, error) {
	evidence, err := p.ingest.Evidence(ctx, id)
	if err != nil {
		return explain.Explanation{}, err
	}
	subject := policy.Subject{Publisher: id.Publisher(), Digest: v.Digest, LedgerKeys: p.ingest.LedgerKeys(id.Publisher())}
	for {
		who := p.basis.Signed.Trust()
		c := explain.Case{Publisher: id.Publisher(), Reference: reference}
		if c.Rule, err = who.For(id.Publisher()).With(subject.LedgerKeys); err != nil {
			return explain.Explanation{}, err
		}
		if c.Signature, err = p.basis.Signature(ctx, subject, evidence); err != nil {
			return explain.Explanation{}, err
		}
		if c.Attestations, err = p.basis.Attestations(ctx, subject, evidence); err != nil {
			return explain.Explanation{}, err
		}
		if who == p.basis.Signed.Trust() {
			return explain.Of(c), nil
		}
	}
}

// InForce implements api.Policies.
func (p policies) InForce(context.Context) (explained.Policy, error) {
	return PolicyOf(p.basis.Signed.Trust()), nil
}

// PolicyOf is a trust policy as it is shown.
func PolicyOf(who *trust.Policy) explained.Policy {
	out := explained.Policy{Digest: who.Digest(), TrustedRoots: len(who.TrustedRoots()), Namespaces: []explain.Rule{}, Platforms: []explain.Signer{}}
	for _, s := range who.Platforms() {
		out.Platforms = append(out.Platforms, explain.SignerOf(s))
	}
	for _, ns := range who.Namespaces() {
		out.Namespaces = append(out.Namespaces, explain.RuleOf(ns))
	}
	return out
}

// CheckPolicy reads the trust policy at path as a server does, so that what it
// accepts a server can judge by. Errors are an *artifact.ProblemsError with
// every problem at once, or wrap another kind of artifact.
func CheckPolicy(ctx context.Context, path string) (*trust.Policy, error) {
	who, err := trust.LoadArgument(ctx, path)
	if err != nil {
		return nil, err
	}
	_, err = derive.VerifyBy(who, 1, time.Now)
	return who, err
}

// Trial implements api.Policies. It reads no file of the server.
func (p policies) Trial(_ context.Context, in index.PolicyFiles) (api.PolicyTry, error) {
	who, err := trust.Parse([]byte(in.Policy), func(name string) ([]byte, error) {
		if text, ok := in.Files[name]; ok {
			return []byte(text), nil
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	})
	if err != nil {
		return nil, fmt.Errorf("trust policy: %w", err)
	}
	verifier, err := derive.VerifyBy(who, 64, p.now)
	if err != nil {
		return nil, err
	}
	if err := p.ready(); err != nil {
		return nil, index.NewProblem(index.CodeUnavailable, err.Error(), "ask again soon; /readyz says when")
	}
	head := index.PolicyTrial{Digest: who.Digest(), InForce: p.basis.Signed.Trust().Digest(), Dev: p.listsDenied}
	return func(ctx context.Context, hear func(index.PolicyChange) error, progress func(index.PolicyTrial) error) (index.PolicyTrial, error) {
		done := head
		err := p.acts.Do(ctx, audit.Act{Action: auth.PolicyTest, On: auth.Site(), Planned: map[string]string{"policy": head.Digest.String()}},
			func(ctx context.Context) (any, error) {
				sum, err := p.ingest.Try(ctx, verifier,
					func(c ingest.Change) error { return hear(changeOf(c)) },
					func(t ingest.Trial) error { return progress(trialOf(head, t)) })
				done = trialOf(head, sum)
				return nil, err
			})
		return done, err
	}, nil
}

func trialOf(head index.PolicyTrial, t ingest.Trial) index.PolicyTrial {
	head.Plugins, head.Versions, head.ListedBefore, head.ListedAfter = t.Plugins, t.Versions, t.ListedBefore, t.ListedAfter
	head.Changes = map[string]int{}
	for kind, n := range t.Changes {
		head.Changes[string(kind)] = n
	}
	head.Failed = append([]string{}, t.Failed...)
	return head
}

func changeOf(c ingest.Change) index.PolicyChange {
	return index.PolicyChange{ID: c.ID.String(), Version: c.Version.String(), Digest: c.Digest, Change: string(c.Kind),
		Before: standingOf(c.Before), After: standingOf(c.After)}
}

func standingOf(s ingest.Standing) index.PolicyStanding {
	out := index.PolicyStanding{Listed: s.Listed, Signature: s.Signature, Attested: []string{}, Reasons: append([]index.Reason{}, s.Reasons...)}
	for _, a := range s.Attestations {
		if kind := a.Kind; a.Verified {
			if kind == "" {
				kind = a.PredicateType
			}
			out.Attested = append(out.Attested, kind)
		}
	}
	slices.Sort(out.Attested)
	out.Attested = slices.Compact(out.Attested)
	return out
}
