package catalog

import (
	"crypto/sha256"
	"slices"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// redactions are the plugins of a reader's part that say less than in the whole
// catalog, by id, each in its slot.
type redactions map[artifact.Name]placed

// names are the other plugins that p names as replacements, by the moves in force.
// One that is no name is the zero Name, which nobody may know of.
func (p *Plugin) names() (out []artifact.Name) {
	for _, m := range p.Moves {
		if m.Replacement != "" {
			id, _ := artifact.ParseName(m.Replacement)
			out = append(out, id)
		}
	}
	return out
}

// without is p without the replacements that hides holds back: p itself where
// there is none.
func (p *Plugin) without(hides func(artifact.Name) bool) *Plugin {
	hidden := func(m index.Move) bool {
		id, _ := artifact.ParseName(m.Replacement)
		return m.Replacement != "" && (id.IsZero() || hides(id))
	}
	if !slices.ContainsFunc(p.Moves, hidden) {
		return p
	}
	next := *p
	next.Moves = slices.Clone(p.Moves)
	for i, m := range next.Moves {
		if hidden(m) {
			next.Moves[i].Replacement = ""
		}
	}
	return &next
}

func all(artifact.Name) bool { return true }

// redact is e as somebody is shown it who may know only of what sees lets through:
// e itself, or an entry that names no other replacement, which is put down in some.
func (s *Snapshot) redact(e *entry, sees func(artifact.Name) bool, some *redactions) *entry {
	if !slices.ContainsFunc(e.names, func(id artifact.Name) bool { return id.IsZero() || !sees(id) }) {
		return e
	}
	p, err := e.plugin(s.words)
	if err != nil { // it was read before
		p = &Plugin{ID: e.id}
	}
	p = p.without(func(id artifact.Name) bool { return !sees(id) })
	next := *e
	record, masks := encodeRecord(p)
	next.record, next.leaf, next.names = string(record), sha256.Sum256(record), p.names()
	if *some == nil {
		*some = redactions{}
	}
	(*some)[e.id] = placed{next.slot, &next, s.words.traitsOf(p, masks)}
	return &next
}
