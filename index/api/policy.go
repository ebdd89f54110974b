package api

import (
	"context"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy/explain"
)

// Policies are the trust policy and what it makes of what is stored. Errors
// are *index.Problem or of a kind of artifact.
type Policies interface {
	// Explain judges a version now and tells how it came about.
	Explain(ctx context.Context, id artifact.Name, v *catalog.Version, reference string) (explain.Explanation, error)
	// InForce is the policy by which the server judges.
	InForce(ctx context.Context) (Policy, error)
	// Trial reads a policy that is not in force and gives the trial of it, which
	// nothing has begun. A policy that breaks the rules wraps artifact.ErrInvalid.
	Trial(ctx context.Context, p PolicyFiles) (PolicyTry, error)
}

// A PolicyTry judges everything stored by a policy and changes nothing. hear is
// told of every version of which it makes something else, progress how far it
// is; an error of theirs ends it.
type PolicyTry func(ctx context.Context, hear func(PolicyChange) error, progress func(PolicyTrial) error) (PolicyTrial, error)

// A Policy is whom a site trusts, namespace by namespace.
type Policy struct {
	Digest       digest.Digest  `json:"digest" doc:"Equal for policies that judge alike."`
	TrustedRoots int            `json:"trusted_roots" doc:"Sigstore trusted roots that certificates are judged by."`
	Namespaces   []explain.Rule `json:"namespaces"`
	// Platforms are the registries whose ledgers count beside this site's own.
	Platforms []explain.Signer `json:"platforms"`
}

// PolicyFiles are a trust policy with the files that it names.
type PolicyFiles struct {
	Policy string            `json:"policy" doc:"The trust policy in YAML."`
	Files  map[string]string `json:"files,omitempty" doc:"What stands in the files that the policy names: no file of the server is read."`
}

// A PolicyStanding is what a policy makes of one version.
type PolicyStanding struct {
	Listed    bool            `json:"listed"`
	Signature index.Signature `json:"signature"`
	Attested  []string        `json:"attested" doc:"Kinds of the attestations that count."`
	Reasons   []index.Reason  `json:"reasons"`
}

// A PolicyChange is a version of which a policy on trial makes something else.
type PolicyChange struct {
	ID      string         `json:"id"`
	Version string         `json:"version"`
	Digest  digest.Digest  `json:"digest"`
	Change  string         `json:"change" enum:"newly_pending,newly_listed,signature,attestations,reasons"`
	Before  PolicyStanding `json:"before"`
	After   PolicyStanding `json:"after"`
}

// A PolicyTrial sums up what a policy on trial would change, so far.
type PolicyTrial struct {
	Digest       digest.Digest  `json:"digest"` // of the policy on trial
	InForce      digest.Digest  `json:"in_force"`
	Plugins      int            `json:"plugins"`
	Versions     int            `json:"versions"`
	ListedBefore int            `json:"listed_before"`
	ListedAfter  int            `json:"listed_after"`
	Changes      map[string]int `json:"changes"`
	// Failed are the plugins of which it could not be told.
	Failed []string `json:"failed"`
	// Dev: the server lists whatever was found out about signatures.
	Dev bool `json:"dev"`
}

// An Explained version is a judgement with what the catalog makes of it.
type Explained struct {
	index.Stamp
	ID        string        `json:"id"`
	Version   string        `json:"version"`
	Digest    digest.Digest `json:"digest"`
	Reference string        `json:"reference"`
	Listed    bool          `json:"listed"`
	explain.Explanation
}
