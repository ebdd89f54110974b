package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
)

// A verb is a move as people name it, with the statement that it is.
type verb struct {
	name string
	kind format.Kind
	body func(m index.NewMove) any
}

var verbs = []verb{
	{index.MoveDeprecate, format.PluginDeprecated, func(m index.NewMove) any {
		return format.Deprecated{Grounds: grounds(m), Replacement: m.Replacement, Guide: m.Guide, EndOfLife: utc(m.EndOfLife)}
	}},
	{index.MoveUndeprecate, format.PluginUndeprecated, back},
	{index.MoveSuspend, format.PluginSuspended, func(m index.NewMove) any {
		existing := format.Existing(m.Existing)
		if existing == "" {
			existing = format.KeepRunning
		}
		return format.Suspended{Grounds: grounds(m), Until: utc(m.Until), Existing: existing}
	}},
	{index.MoveResume, format.PluginResumed, back},
	{index.MoveRemove, format.PluginRemoved, func(m index.NewMove) any { return format.PluginGone{Grounds: grounds(m)} }},
	{index.MoveRestore, format.PluginRestored, back},
}

func back(m index.NewMove) any { return format.Back{Reason: m.Reason, Text: m.Text} }

func grounds(m index.NewMove) format.Grounds { return format.Grounds{Reason: m.Reason, Text: m.Text} }

func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	t := at.UTC()
	return &t
}

// nameOf is the move that a kind of statement is, as people name it.
func nameOf(kind format.Kind) (string, bool) {
	switch kind {
	case format.VersionYanked:
		return index.MoveYank, true
	case format.VersionUnyanked:
		return index.MoveUnyank, true
	case format.PluginDeleted:
		return index.MoveDelete, true
	}
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.kind == kind })
	if i < 0 {
		return "", false
	}
	return verbs[i].name, true
}

// check refuses what no move of its name can say, before the ledger is asked.
func check(m index.NewMove) (verb, error) {
	i := slices.IndexFunc(verbs, func(v verb) bool { return v.name == m.Move })
	if i < 0 {
		var names []string
		for _, v := range verbs {
			names = append(names, v.name)
		}
		return verb{}, fmt.Errorf("move %.40q: expected one of %v: %w", m.Move, names, artifact.ErrInvalid)
	}
	for _, field := range []struct {
		name string
		is   bool
		of   string
	}{
		{"replacement", m.Replacement != "", index.MoveDeprecate}, {"guide", m.Guide != "", index.MoveDeprecate},
		{"end_of_life", m.EndOfLife != nil, index.MoveDeprecate}, {"until", m.Until != nil, index.MoveSuspend}, {"existing", m.Existing != "", index.MoveSuspend},
	} {
		if field.is && field.of != m.Move {
			return verb{}, fmt.Errorf("%s: a move %q has none, %q has: %w", field.name, m.Move, field.of, artifact.ErrInvalid)
		}
	}
	return verbs[i], nil
}

// notice is how long before the end of life people are told at the least
// without a warning to who tells them.
const notice = 182 * 24 * time.Hour

// warnings are what the one who makes a move should think about again.
func warnings(m index.NewMove, now time.Time) []string {
	out := []string{}
	if m.Move == index.MoveDeprecate && m.EndOfLife != nil && m.EndOfLife.Sub(now) < notice {
		out = append(out, fmt.Sprintf("the end of life is %d days away; 6 to 12 months of notice are recommended", int(m.EndOfLife.Sub(now).Hours()/24)))
	}
	if m.Move == index.MoveDeprecate && m.Replacement == "" && m.Guide == "" {
		out = append(out, "neither a replacement nor a guide says where to go from here")
	}
	return out
}
