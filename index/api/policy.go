package api

import (
	"context"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/explained"
	"github.com/oarlock/oarlock/policy/explain"
)

// Policies are the trust policy and what it makes of what is stored. Errors
// are *index.Problem or of a kind of artifact.
type Policies interface {
	// Explain judges a version now and tells how it came about.
	Explain(ctx context.Context, id artifact.Name, v *catalog.Version, reference string) (explain.Explanation, error)
	// InForce is the policy by which the server judges.
	InForce(ctx context.Context) (explained.Policy, error)
	// Trial reads a policy that is not in force and gives the trial of it, which
	// nothing has begun. A policy that breaks the rules wraps artifact.ErrInvalid.
	Trial(ctx context.Context, p index.PolicyFiles) (PolicyTry, error)
}

// A PolicyTry judges everything stored by a policy and changes nothing. hear is
// told of every version of which it makes something else, progress how far it
// is; an error of theirs ends it.
type PolicyTry func(ctx context.Context, hear func(index.PolicyChange) error, progress func(index.PolicyTrial) error) (index.PolicyTrial, error)
