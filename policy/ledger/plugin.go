package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// A Plugin is what the ledger of a plugin says of it and of its versions. Each
// move that is in force is there; taking one back removes it, and so what was
// before is in force again.
type Plugin struct {
	Name       artifact.Name `json:"name"`
	Deprecated *Deprecation  `json:"deprecated,omitempty"`
	Suspended  *Suspension   `json:"suspended,omitempty"`
	Removed    *Removal      `json:"removed,omitempty"`
	// Deleted is for ever.
	Deleted *Deletion `json:"deleted,omitempty"`
	// Yanked are the versions that are, by their digests.
	Yanked map[digest.Digest]Yank `json:"yanked,omitempty"`
	// Owners are the owners' moves over which the platform did the same: in force
	// again when the platform takes its own back.
	Owners Beneath `json:"owners,omitzero"`
	// Emergencies are those that were not undone, in the order in which they
	// were declared.
	Emergencies []Emergency `json:"emergencies,omitempty"`
}

// Beneath is what owners did where the platform did the same over it.
type Beneath struct {
	Deprecated *Deprecation           `json:"deprecated,omitempty"`
	Suspended  *Suspension            `json:"suspended,omitempty"`
	Removed    *Removal               `json:"removed,omitempty"`
	Yanked     map[digest.Digest]Yank `json:"yanked,omitempty"`
}

// A Move says when something was done, by whom, and with which statement.
type Move struct {
	At       time.Time     `json:"at"`
	By       string        `json:"by"`
	Role     string        `json:"role"`
	Sequence int           `json:"sequence"`
	Digest   digest.Digest `json:"statement"`
}

// What is in force, each with the move that brought it.
type (
	// A Deprecation is in force until it is taken back.
	Deprecation struct {
		format.Deprecated
		Move
	}
	// A Suspension is in force until the plugin is resumed.
	Suspension struct {
		format.Suspended
		Move
	}
	// A Removal is in force until the plugin is restored.
	Removal struct {
		format.PluginGone
		Move
	}
	// A Deletion is in force for ever.
	Deletion struct {
		format.Deleted
		Move
	}
	// A Yank is in force until the version is unyanked.
	Yank struct {
		format.Yanked
		Move
	}
	// An Emergency is in force until it is undone.
	Emergency struct {
		format.Emergency
		Move
	}
)

// PluginState is the state of a plugin, as it is written in answers.
type PluginState string

// The states of plugins, from the one that allows most to the one that allows
// least.
const (
	Active           PluginState = "active"
	DeprecatedState  PluginState = "deprecated"
	SuspendedState   PluginState = "suspended"
	RemovedState     PluginState = "removed"
	DeletedState     PluginState = "deleted"
	EmergencyRemoved PluginState = "emergency-removed"
)

// PluginStates are all states of plugins, in that order.
func PluginStates() []PluginState {
	return []PluginState{Active, DeprecatedState, SuspendedState, RemovedState, DeletedState, EmergencyRemoved}
}

// State is the state of the plugin. A nil Plugin, of which no ledger says
// anything, is active.
func (p *Plugin) State() PluginState {
	switch {
	case p == nil:
		return Active
	case slices.ContainsFunc(p.Emergencies, func(e Emergency) bool { return e.All }):
		return EmergencyRemoved
	case p.Deleted != nil:
		return DeletedState
	case p.Removed != nil:
		return RemovedState
	case p.Suspended != nil:
		return SuspendedState
	case p.Deprecated != nil:
		return DeprecatedState
	}
	return Active
}

// IsDeleted reports whether p was deleted, whatever else is in force.
func (p *Plugin) IsDeleted() bool { return p != nil && p.Deleted != nil }

// YankOf is the yank of the version with a digest.
func (p *Plugin) YankOf(d digest.Digest) (Yank, bool) {
	if p == nil {
		return Yank{}, false
	}
	y, ok := p.Yanked[d]
	return y, ok
}

// EmergencyOf is the first hard emergency that names a digest, else the first
// soft one.
func (p *Plugin) EmergencyOf(d digest.Digest) (Emergency, bool) {
	if p == nil {
		return Emergency{}, false
	}
	var soft *Emergency
	for i, e := range p.Emergencies {
		switch {
		case !slices.Contains(e.Digests, d):
		case !e.Soft:
			return e, true
		case soft == nil:
			soft = &p.Emergencies[i]
		}
	}
	if soft == nil {
		return Emergency{}, false
	}
	return *soft, true
}

// inForce is the move of a kind that is in force: of the plugin, or of the
// version with the digest subject.
func (p *Plugin) inForce(kind format.Kind, subject digest.Digest) (Move, bool) {
	switch {
	case p == nil:
	case kind == format.PluginDeprecated && p.Deprecated != nil:
		return p.Deprecated.Move, true
	case kind == format.PluginSuspended && p.Suspended != nil:
		return p.Suspended.Move, true
	case kind == format.PluginRemoved && p.Removed != nil:
		return p.Removed.Move, true
	case kind == format.VersionYanked:
		y, is := p.Yanked[subject]
		return y.Move, is
	}
	return Move{}, false
}

func (p *Plugin) clone() *Plugin {
	if p == nil {
		return nil
	}
	c := *p
	c.Owners.Yanked = maps.Clone(p.Owners.Yanked)
	c.Yanked, c.Emergencies = maps.Clone(p.Yanked), slices.Clone(p.Emergencies)
	return &c
}
