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
