package resolve

import (
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

// A term says that a variable has one of the values in a set.
type term struct {
	variable int
	values   set
}

// An incompatibility is a list of terms, one per variable, that cannot all
// hold. It is a requirement or follows from two others.
type incompatibility struct {
	terms       []term
	requirement *requirement
	from        [2]*incompatibility
}

// A requirement is what a want or a dependency says. Who is -1 for the request.
type requirement struct {
	who      int
	versions set // of who: all that say the same
	target   int
	rng      artifact.Range
	optional bool
}

// resolvent is what follows from a and b, which disagree about variable x.
// Both hold terms that the partial solution satisfies, so sets of a variable
// that they share meet.
func (s *solver) resolvent(a, b *incompatibility, x int) *incompatibility {
	out := &incompatibility{from: [2]*incompatibility{a, b}}
	for _, t := range a.terms {
		other, shared := b.about(t.variable)
		switch {
		case t.variable == x:
			if t.values = t.values.or(other.values); s.variables[x].all.within(t.values) {
				continue
			}
		case shared:
			t.values = t.values.and(other.values)
		}
		out.terms = append(out.terms, t)
	}
	for _, t := range b.terms {
		if _, shared := a.about(t.variable); !shared {
			out.terms = append(out.terms, t)
		}
	}
	return out
}

func (i *incompatibility) about(variable int) (term, bool) {
	at := slices.IndexFunc(i.terms, func(t term) bool { return t.variable == variable })
	if at < 0 {
		return term{}, false
	}
	return i.terms[at], true
}

// requirements are the leaves that i follows from, each once, in the order of the proof.
func (i *incompatibility) requirements() []*requirement {
	var out []*requirement
	seen := map[*incompatibility]bool{}
	todo := []*incompatibility{i}
	for len(todo) > 0 {
		one := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[one] {
			continue
		}
		seen[one] = true
		if one.requirement != nil {
			out = append(out, one.requirement)
			continue
		}
		todo = append(todo, one.from[1], one.from[0])
	}
	return out
}
