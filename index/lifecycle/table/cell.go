package table

import (
	"net/http"

	"github.com/oarlock/oarlock/index"
)

// A Role is in what standing somebody asks about one plugin. The zero Role is
// Anonymous, which sees least.
type Role uint8

// The roles, and their order in the table.
const (
	Anonymous Role = iota // nobody in particular, or somebody without ties to the plugin
	Publisher             // may push to the plugin's repository
	Holder                // asks for a tenant that has the plugin
	Tenant                // asks for a tenant that has it not
	Admin                 // of the site
)

var roleNames = []string{"anonymous", "publisher", "tenant that has it", "tenant that has it not", "admin"}

// AllRoles are all of them, in their order.
func AllRoles() []Role { return []Role{Anonymous, Publisher, Holder, Tenant, Admin} }

func (r Role) String() string { return roleNames[r] }

// An Operation is what is asked.
type Operation uint8

// The operations, and their order in the table.
const (
	Search     Operation = iota // a list that asks for no state
	Show                        // show, why, and a list that asks for the state
	Resolve                     // by a lock that holds the version
	Install                     // resolve by who has nothing
	Update                      // resolve by who has another version
	PullTag                     // a manifest by its tag
	PullDigest                  // a manifest or blob by its digest
	Run                         // a host that runs it asks whether it may go on
)

var operationNames = []string{"search", "show", "resolve", "new install", "update", "pull by tag", "pull by digest", "running host"}

// AllOperations are all of them, in their order.
func AllOperations() []Operation {
	return []Operation{Search, Show, Resolve, Install, Update, PullTag, PullDigest, Run}
}

func (o Operation) String() string { return operationNames[o] }

// An Answer is yes, yes with a warning, or no. The zero Answer is No.
type Answer uint8

// The answers, from the one that allows least.
const (
	No Answer = iota
	Warn
	Yes
)

// A Standing is what an install of a version is told.
type Standing = index.Standing

// The standings, from the one that allows most.
const (
	OK            = index.StandingOK
	Warned        = index.StandingWarn
	UpdateBlocked = index.StandingUpdateBlocked
	Stop          = index.StandingStop
)

// Fields are how much of a plugin or version is answered.
type Fields string

// The fields, from the least.
const (
	Absent    Fields = "absent"    // it is in no such answer
	Tombstone Fields = "tombstone" // that it is there, its state and why, without digests and references
	Whole     Fields = "whole"
)

// A State is that of a version and of its plugin, which empty are active. The zero
// State is active.
type State struct {
	Plugin index.PluginState
	// Stop says of a suspended plugin that who has it shall stop running it.
	Stop    bool
	Version index.VersionState
	// Unknown says that the state could not be told.
	Unknown bool
}

// AllStates are every state of a plugin, and every one of a version of a plugin
// that is active. A plugin that was deleted is not among them: it has no version
// left that could be asked about.
func AllStates() []State {
	out := []State{}
	for _, p := range []index.PluginState{index.StateActive, index.StateDeprecated, index.StateSuspended, index.StateRemoved, index.StateEmergencyRemoved} {
		if out = append(out, State{Plugin: p}); p == index.StateSuspended {
			out = append(out, State{Plugin: p, Stop: true})
		}
	}
	for _, v := range []index.VersionState{index.VersionYanked, index.VersionBlocked, index.VersionQuarantined, index.VersionEmergencyRemoved} {
		out = append(out, State{Version: v})
	}
	return out
}

// A Cell is what a state answers to a role about an operation.
type Cell struct {
	Answer Answer
	// Status is that of the answer over HTTP.
	Status int
	// Code says why the answer is not Yes. It is in the detail of a refused pull,
	// and among the reasons of why.
	Code string
	// Fields are of Search and Show.
	Fields Fields
	// Standing is of Run.
	Standing Standing
}

// Cell is the one of s for a role and an operation.
func (s State) Cell(r Role, o Operation) Cell {
	both := s.rule()
	switch o {
	case Search:
		if both.search {
			return both.cell(Yes, Whole)
		}
		return both.cell(No, Absent)
	case Show:
		if both.whole.Has(r) {
			return both.cell(Yes, Whole)
		}
		return both.cell(Warn, Tombstone)
	case Resolve:
		return both.cell(both.resolve, "").refused(http.StatusConflict)
	case Install:
		return both.cell(both.install, "").refused(http.StatusConflict)
	case Update:
		return both.cell(both.update, "").refused(http.StatusConflict)
	case PullTag:
		return both.pull(both.tag.Has(r), s.Unknown)
	case PullDigest:
		return both.pull(both.digest.Has(r), s.Unknown)
	case Run:
		c := both.cell(Yes, "")
		if c.Standing = both.run; c.Standing != OK {
			c.Answer, c.Code = Warn, both.code
		}
		if c.Standing == Stop {
			c.Answer = No
		}
		return c
	}
	return unknown.cell(No, Absent).refused(http.StatusServiceUnavailable)
}

// May reports whether the answer is Yes, with or without a warning.
func (s State) May(r Role, o Operation) bool { return s.Cell(r, o).Answer != No }

// ForEveryone reports whether pulls are refused to nobody.
func (s State) ForEveryone() bool {
	both := s.rule()
	return both.tag == everyone && both.digest == everyone
}

// Travels reports whether a mirror has the state too, because a signed statement
// says it. What does not travel, a mirror answers as active, unless it is so there.
func (s State) Travels() bool {
	p, v := s.rows()
	return !at(plugins, p).here && !at(versions, v).here
}

// Name is how people call the state, the plugin's where that is not active.
func (s State) Name() string {
	p, v := s.rows()
	if plugin := at(plugins, p); plugin.code != "" {
		return plugin.name
	}
	return at(versions, v).name
}

// Word is Name in the word of the API: without what a suspension means for those who have
// the plugin.
func (s State) Word() string {
	if s.Plugin == index.StateSuspended && !s.Unknown {
		return string(s.Plugin)
	}
	return s.Name()
}

// rows are the numbers of the rules of s: of its plugin and of its version.
func (s State) rows() (plugin, version int) {
	switch {
	case s.Unknown:
		plugin = len(plugins)
	case s.Plugin == "":
	case s.Plugin == index.StateSuspended && s.Stop:
		plugin = numbered(plugins, suspendedStop)
	case s.Plugin == index.StateSuspended:
		plugin = numbered(plugins, suspendedKeep)
	default:
		plugin = numbered(plugins, string(s.Plugin))
	}
	if s.Version != "" {
		version = numbered(versions, string(s.Version))
	}
	return plugin, version
}

// numbered is the number of the rule with a name; of unknown where there is none.
func numbered(rules []rule, name string) int {
	for i := range rules {
		if rules[i].name == name {
			return i
		}
	}
	return len(rules)
}

func at(rules []rule, i int) *rule {
	if i == len(rules) {
		return &unknown
	}
	return &rules[i]
}

// rule is both states in one.
func (s State) rule() *rule {
	p, v := s.rows()
	return &joined[p][v]
}

// joined are the rules of every state of a plugin with every one of a version,
// made once because every version on a page is asked of.
var joined = func() (all [][]rule) {
	for p := range len(plugins) + 1 {
		var row []rule
		for v := range len(versions) + 1 {
			row = append(row, stricter(*at(plugins, p), *at(versions, v)))
		}
		all = append(all, row)
	}
	return all
}()

// stricter refuses what either refuses, by the code of the plugin where it has one.
func stricter(p, v rule) rule {
	both := rule{
		code: p.code, search: p.search && v.search,
		resolve: min(p.resolve, v.resolve), install: min(p.install, v.install), update: min(p.update, v.update),
		tag: p.tag & v.tag, digest: p.digest & v.digest, whole: p.whole & v.whole, run: p.run, gone: p.gone,
	}
	if v.run.Compare(p.run) > 0 {
		both.run = v.run
	}
	if both.code == "" || p.search && v.code != "" { // a plugin that is only deprecated says less
		both.code = v.code
	}
	return both
}

func (r *rule) cell(a Answer, f Fields) Cell {
	c := Cell{Answer: a, Status: http.StatusOK, Fields: f}
	if a != Yes {
		c.Code = r.code
	}
	return c
}

// refused has a No answered with a status.
func (c Cell) refused(status int) Cell {
	if c.Answer == No {
		c.Status = status
	}
	return c
}

func (r *rule) pull(may, unknown bool) Cell {
	switch {
	case may:
		return Cell{Answer: Yes, Status: http.StatusOK}
	case unknown:
		return r.cell(No, "").refused(http.StatusServiceUnavailable)
	}
	if r.gone {
		return r.cell(No, "").refused(http.StatusNotFound)
	}
	return r.cell(No, "").refused(http.StatusForbidden)
}
