package resolve

import (
	"context"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

// Resolve chooses one version for each wanted plugin and for all that they
// need, dependencies before what needs them. A dependency that is optional
// only limits which version of a plugin may be chosen that is there anyway.
//
// Where no choice satisfies every range the error is an *Unsatisfiable. Any
// other error means that it could not be told: ErrExhausted, or ctx's own.
func Resolve(ctx context.Context, u Universe, r Request) ([]Chosen, error) {
	s := newSolver(ctx, u, r, maxWork)
	proof, err := s.solve()
	if err != nil {
		return nil, err
	}
	if proof != nil {
		return nil, s.explain(proof)
	}
	return s.closure(), nil
}

// choice is the chosen candidate of id, nil for none.
func (s *solver) choice(id artifact.Name) *Candidate {
	x, ok := s.byID[id]
	if !ok || !s.variables[x].decided {
		return nil
	}
	return &s.variables[x].candidates[s.left(x).first()-1]
}

// closure walks from the wants, by name, so that what nobody needs stays out
// and dependencies come first. A cycle is entered where the walk meets it.
func (s *solver) closure() []Chosen {
	var out []Chosen
	at := map[artifact.Name]int{}
	var visit func(id artifact.Name)
	needed := s.needed()
	visit = func(id artifact.Name) {
		if _, seen := at[id]; seen || !needed[id] {
			return
		}
		at[id] = -1
		c := s.choice(id)
		for _, d := range byName(c.Dependencies) {
			visit(d.ID)
		}
		at[id] = len(out)
		out = append(out, Chosen{Candidate: *c})
	}
	for _, w := range s.request.Names() {
		visit(w)
		out[at[w]].Requested = true
	}
	for _, c := range out {
		for _, d := range c.Dependencies {
			if n, ok := at[d.ID]; ok && !d.Optional && d.ID != c.ID {
				out[n].RequestedBy = append(out[n].RequestedBy, c.ID)
			}
		}
	}
	for n := range out {
		slices.SortFunc(out[n].RequestedBy, artifact.Name.Compare)
		out[n].RequestedBy = slices.Compact(out[n].RequestedBy)
	}
	return out
}

// needed is what the wants reach without optional dependencies.
func (s *solver) needed() map[artifact.Name]bool {
	needed := map[artifact.Name]bool{}
	todo := s.request.Names()
	for len(todo) > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if needed[id] {
			continue
		}
		needed[id] = true
		for _, d := range s.choice(id).Dependencies {
			if !d.Optional {
				todo = append(todo, d.ID)
			}
		}
	}
	return needed
}

func byName(deps []artifact.Dependency) []artifact.Dependency {
	out := slices.Clone(deps)
	slices.SortStableFunc(out, func(a, b artifact.Dependency) int { return a.ID.Compare(b.ID) })
	return out
}
