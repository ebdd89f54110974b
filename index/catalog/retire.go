package catalog

import "github.com/oarlock/oarlock/index"

// stops reports whether next keeps back what current lets everybody pull: a version that
// was blocked, suspended, removed or deleted, or that an emergency is about. From then on
// no earlier generation answers, or who asks by its number would go on choosing it.
func stops(current, next *Snapshot) bool {
	reread := 0
	for e := range next.tree.since(current.tree) {
		was := current.tree.get(e.id)
		if was == nil || !was.shown {
			continue
		}
		if reread++; reread > maxReread {
			return true // more than it pays to compare, and to ask again costs little
		}
		if before, err := was.plugin(current.words); err != nil || before.keptBackBy(e, next.words) {
			return true
		}
	}
	return false
}

// keptBackBy reports whether e, which is p later, keeps a version back that everybody
// might pull of p. A tag that went, where tags may, keeps nothing back.
func (p *Plugin) keptBackBy(e *entry, w *words) bool {
	now, err := e.plugin(w)
	if err != nil || now.State == index.StateDeleted {
		return true
	}
	for i := range p.Versions {
		v := &p.Versions[i]
		if later, ok := now.At(v.Version); ok && p.StandingOf(v).ForEveryone() && !now.StandingOf(later).ForEveryone() {
			return true
		}
	}
	return false
}
