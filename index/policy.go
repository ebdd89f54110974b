package index

import "github.com/opencontainers/go-digest"

// PolicyFiles are a trust policy with the files that it names.
type PolicyFiles struct {
	Policy string            `json:"policy" doc:"The trust policy in YAML."`
	Files  map[string]string `json:"files,omitempty" doc:"What stands in the files that the policy names: no file of the server is read."`
}

// A PolicyStanding is what a policy makes of one version.
type PolicyStanding struct {
	Listed    bool      `json:"listed"`
	Signature Signature `json:"signature"`
	Attested  []string  `json:"attested" doc:"Kinds of the attestations that count."`
	Reasons   []Reason  `json:"reasons"`
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

// A PolicyTrialLine is one line of the answer to a trial: a Change, or how far it
// is, or the last one, which has Done with Report, or Error.
type PolicyTrialLine struct {
	Change   *PolicyChange `json:"change"`
	Progress *PolicyTrial  `json:"progress"`
	Done     bool          `json:"done"`
	Report   PolicyTrial   `json:"report"`
	Error    *Problem      `json:"error"`
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
