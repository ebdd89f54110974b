package table

import (
	"github.com/oarlock/oarlock/index"
)

// A rule is one state. Its zero value refuses everything.
type rule struct {
	// name is how people and documents call the state.
	name string
	// code says why something is refused or warned of; "" where nothing is.
	code string
	// search has versions in lists that do not ask for the state.
	search bool
	// resolve is for a lock that holds the version; install for who has nothing,
	// update for who has another version.
	resolve, install, update Answer
	// tag and digest may pull by that.
	tag, digest Roles
	// whole see digests and references; others a tombstone.
	whole Roles
	run   Standing
	// gone says that no bytes are left, which a pull is told as of what never was.
	gone bool
	// here says that the state is of one site: no statement says it, so that no
	// mirror and no copy of the signed catalog elsewhere has it by itself.
	here bool
}

// The rules. Whoever pulled nothing yet takes nothing new from a plugin that is
// suspended or removed; who has it keeps it. Publishers and admins read what they
// answer for, by its digest, so that a repair can be pushed and signed. What must
// not run is for nobody.
var (
	plugins = []rule{
		{name: string(index.StateActive), search: true, resolve: Yes, install: Yes, update: Yes, tag: everyone, digest: everyone, whole: everyone, run: OK},
		{name: string(index.StateDeprecated), code: index.ReasonDeprecated, search: true, resolve: Warn, install: Warn, update: Warn, tag: everyone, digest: everyone, whole: everyone, run: Warned},
		{name: suspendedKeep, code: index.ReasonSuspended, resolve: Warn, digest: having, whole: having, run: UpdateBlocked},
		{name: suspendedStop, code: index.ReasonSuspended, digest: having, whole: having, run: Stop},
		{name: string(index.StateRemoved), code: index.ReasonRemoved, resolve: Warn, digest: having, whole: having, run: UpdateBlocked},
		{name: string(index.StateEmergencyRemoved), code: index.ReasonEmergency, whole: answering, run: Stop},
		{name: string(index.StateDeleted), code: index.ReasonDeleted, run: UpdateBlocked, gone: true},
	}
	versions = []rule{
		{name: string(index.VersionActive), search: true, resolve: Yes, install: Yes, update: Yes, tag: everyone, digest: everyone, whole: everyone, run: OK},
		{name: string(index.VersionYanked), code: index.ReasonYanked, resolve: Warn, tag: everyone, digest: everyone, whole: everyone, run: Warned},
		{name: string(index.VersionBlocked), code: index.ReasonBlocked, whole: answering, run: Stop, here: true},
		{name: string(index.VersionQuarantined), code: index.ReasonQuarantined, whole: answering, run: UpdateBlocked, here: true},
		{name: string(index.VersionEmergencyRemoved), code: index.ReasonEmergency, whole: answering, run: Stop},
	}
	// unknown is what could not be told. What runs goes on: nobody said that it
	// must not.
	unknown = rule{name: "could not be told", code: index.ReasonUnreadable, whole: answering, run: UpdateBlocked, here: true}
)

const (
	suspendedKeep = "suspended (keep)"
	suspendedStop = "suspended (stop)"
)

// Roles are a set of roles.
type Roles uint8

const (
	everyone Roles = 1<<Anonymous | 1<<Publisher | 1<<Holder | 1<<Tenant | 1<<Admin
	// having have the plugin, or answer for it.
	having = 1<<Holder | answering
	// answering are those whom a plugin or its site belongs to.
	answering Roles = 1<<Publisher | 1<<Admin
)

// Has reports whether r is one of them.
func (s Roles) Has(r Role) bool { return s&(1<<r) != 0 }
