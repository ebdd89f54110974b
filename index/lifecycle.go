package index

import (
	"slices"
	"time"

	"github.com/opencontainers/go-digest"
)

// A Move is one that is in force for a plugin: what its ledger says was done,
// by whom and why.
type Move struct {
	State       PluginState `json:"state"` // that it brings
	At          time.Time   `json:"at"`
	By          string      `json:"by"`
	Reason      string      `json:"reason"` // one of the closed list of reasons
	Text        string      `json:"text,omitempty"`
	Replacement string      `json:"replacement,omitempty"` // a plugin to move to
	Guide       string      `json:"guide,omitempty"`       // where the way there is described
	EndOfLife   *time.Time  `json:"end_of_life,omitempty"` // from when on it is not looked after
	Until       *time.Time  `json:"until,omitempty"`       // when it is expected to be over
	Existing    string      `json:"existing,omitempty" doc:"Of a suspension: keep or stop, for those who have it."`
}

// Why is the move in one sentence's end: when, by whom and why, what it means
// for those who have the plugin, and where to go. What its author wrote comes last.
func (m Move) Why() string {
	const day = "2006-01-02"
	out := "since " + m.At.UTC().Format(day) + " by " + m.By + " (" + m.Reason + ")"
	if m.Until != nil {
		out += ", expected to end " + m.Until.UTC().Format(day)
	}
	if m.Existing == "stop" {
		out += ", who has it stops it"
	}
	if m.Replacement != "" {
		out += ", replaced by " + m.Replacement
	}
	if m.EndOfLife != nil {
		out += ", end of life " + m.EndOfLife.UTC().Format(day)
	}
	if m.Guide != "" {
		out += ", guide " + m.Guide
	}
	if m.Text != "" {
		out += ": " + m.Text
	}
	return out
}

// What somebody who has a plugin with a notice can do.
const (
	ActionGuide        = "migration_guide"
	ActionReplacement  = "install_replacement"
	ActionAlternatives = "alternatives"
	ActionKeep         = "keep_using"
	ActionUninstall    = "uninstall"
	ActionDismiss      = "dismiss"
	ActionUpdate       = "update" // to a version that may be installed
)

// Actions are what somebody who has the plugin can do about m, which says this to
// an install.
func (m Move) Actions(told Standing) []string {
	var out []string
	if m.Guide != "" {
		out = append(out, ActionGuide)
	}
	if m.Replacement != "" {
		out = append(out, ActionReplacement)
	} else {
		out = append(out, ActionAlternatives)
	}
	switch told {
	case StandingOK, StandingWarn:
		return append(out, ActionKeep, ActionUninstall, ActionDismiss)
	case StandingUpdateBlocked:
		return append(out, ActionKeep, ActionUninstall)
	}
	return append(out, ActionUninstall)
}

// The moves of plugins, as requests name them.
const (
	MoveDeprecate   = "deprecate"
	MoveUndeprecate = "undeprecate"
	MoveSuspend     = "suspend"
	MoveResume      = "resume"
	MoveRemove      = "remove"
	MoveRestore     = "restore"
	MoveDelete      = "delete"
	MoveYank        = "yank"
	MoveUnyank      = "unyank"
)

// A NewMove is what somebody asks to be done to a plugin.
type NewMove struct {
	Move        string     `json:"move" enum:"deprecate,undeprecate,suspend,resume,remove,restore"`
	Reason      string     `json:"reason,omitempty" doc:"One of malware, vulnerability, security_review, legal, broken, superseded, discontinued, abandoned, license, maintenance, by_request; undeprecate, resume and restore may be without one."`
	Text        string     `json:"text,omitempty" maxLength:"4096" doc:"What people read."`
	Replacement string     `json:"replacement,omitempty" doc:"Of deprecate: the plugin to move to."`
	Guide       string     `json:"guide,omitempty" doc:"Of deprecate: an https address that says how."`
	EndOfLife   *time.Time `json:"end_of_life,omitempty" doc:"Of deprecate: from when on nobody looks after it."`
	Until       *time.Time `json:"until,omitempty" doc:"Of suspend: when it is expected to be over."`
	Existing    string     `json:"existing,omitempty" enum:"keep,stop" doc:"Of suspend: what those do who have it; keep where absent."`
}

// A Deletion is why a plugin is deleted.
type Deletion struct {
	Reason string `query:"reason" doc:"As of a move of the plugin; needed."`
	Text   string `query:"text" maxLength:"4096" doc:"What people read."`
}

// A VersionMove is why a version is yanked, or is no more.
type VersionMove struct {
	Reason string `json:"reason,omitempty" doc:"As of a move of the plugin; needed to yank."`
	Text   string `json:"text,omitempty" maxLength:"4096"`
}

// A Choice is a move that can be made of a plugin or of one of its versions.
type Choice struct {
	Move  string        `json:"move"`
	From  []PluginState `json:"from" doc:"The states of the plugin that allow it."`
	By    []string      `json:"by" doc:"The roles that may make it now, and in general where it is not legal now."`
	Legal bool          `json:"legal" doc:"Somebody may make it now."`
	May   bool          `json:"may" doc:"The caller may make it now."`
}

// taken are the moves that are taken back, by those that take them back.
var taken = map[string]string{MoveUndeprecate: MoveDeprecate, MoveResume: MoveSuspend, MoveRestore: MoveRemove, MoveUnyank: MoveYank}

// Offered are the choices of all to name to people: those that are legal now, without
// what others could only say once more over what is in force already. An admin deprecates
// what its owners deprecated; to everybody else that is no move.
func Offered(all []Choice) []Choice {
	out := []Choice{}
	for _, c := range all {
		if c.Legal && (c.May || !slices.ContainsFunc(all, func(back Choice) bool { return taken[back.Move] == c.Move && back.Legal && !subset(back.By, c.By) })) {
			out = append(out, c)
		}
	}
	return out
}

// subset reports whether all of some are in of.
func subset(some, of []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(of, one) })
}

// A Lifecycle is where a plugin stands, and what may be done to it.
type Lifecycle struct {
	ID    string      `json:"id"`
	State PluginState `json:"state"`
	Moves []Move      `json:"moves" doc:"In force, the one that the state comes from first."`
	// Legal are the moves that the state allows and the caller may make.
	Legal []string `json:"legal" doc:"Moves that the state allows and the caller may make."`
	// Choices are all moves, whether or not they are legal now. Older servers
	// do not say.
	Choices  []Choice   `json:"choices,omitempty" doc:"Every move, from where and by whom it is made, and whether it is legal now and the caller may make it."`
	Ledger   LedgerHead `json:"ledger"`
	Warnings []string   `json:"warnings" doc:"What the caller should think about again."`
	// Version is the one that was yanked, or is no more; nil for moves of the plugin.
	Version *MovedVersion `json:"version,omitempty" doc:"Of yank and unyank: the version, as it stands after the move."`
}

// A MovedVersion is a version that a move was made of, as it stands now.
type MovedVersion struct {
	Version string        `json:"version"`
	Digest  digest.Digest `json:"digest"`
	State   VersionState  `json:"state" doc:"As of a version; what an owner yanked stays yanked when an admin takes his own yank back."`
}
