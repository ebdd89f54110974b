package auth

import (
	"slices"

	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/policy"
)

// decideLedgers says who may push to the ledgers of publishers, which is how a
// mirror brings those of another registry: platform admins, and robots whose
// scope names that repository. What is pushed is held to the rules of ledgers
// and to the signatures that count, by the gate.
func decideLedgers(p Principal, a Action, r Resource) (d Decision, mine bool) {
	if a != RepositoryPush || r.Class != OnRepository || r.Repository != format.PublishersRepository || p.Kind == Process {
		return d, false
	}
	roles := p.roles(r)
	if !slices.Contains(roles, RoleAdmin) && !slices.Contains(roles, RoleRobot) {
		return deny("role", "%s may not push to %s: ledgers are written by the registry itself, and copied by an admin or a robot whose scope names %s", p.Name, r, r.Repository), true
	}
	if d := checkBounds(p, a, r); !d.Allowed() {
		return d, true
	}
	return Decision{Outcome: policy.Allow}, true
}

// LedgerReader is p as one who reads the ledgers of publishers. An access token
// for them shows those that its account may know of: which repositories of a
// publisher it names besides says nothing of that, and a client asks for a token
// for the repository that it reads alone. Any other access token stays bound.
func LedgerReader(p Principal) Principal {
	if p.Access != nil && p.Access.covers(RepositoryPull, InRepository(format.PublishersRepository)) {
		p.Access = nil
	}
	return p
}
