package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

// ErrExhausted says that the search was given up before it found a solution or
// proved that there is none. It wraps no kind: it could not be told.
var ErrExhausted = errors.New("search given up")

// maxWork bounds the looks at incompatibilities in one search, about half a
// second of work; real ones take thousands.
const maxWork = 16 << 20

// A variable is one plugin.
type variable struct {
	id         artifact.Name
	candidates []Candidate
	all        set
	lock       int  // value of the locked candidate, 0 for none
	rank       int  // decided in this order
	decided    bool // in the current partial solution
	history    []int
	watching   []*incompatibility
	sharing    map[string]set // dependency → candidates that have it; nil once it is an incompatibility
}

// An assignment narrows one variable, by decision or because an
// incompatibility left no other way.
type assignment struct {
	variable int
	values   set // what this assignment says by itself
	left     set // what is left of the variable, all assignments together
	level    int // decisions before it, itself included
	cause    *incompatibility
}

type solver struct {
	ctx       context.Context
	universe  Universe
	request   Request
	variables []*variable
	byID      map[artifact.Name]int
	trail     []assignment
	level     int
	changed   []int
	work      int
	most      int
}

func newSolver(ctx context.Context, u Universe, r Request, most int) *solver {
	return &solver{ctx: ctx, universe: u, request: r, byID: map[artifact.Name]int{}, most: most}
}

// solve returns the chosen value per variable, or the incompatibility that
// proves that there is no solution, or an error that means that it could not
// be told.
func (s *solver) solve() (*incompatibility, error) {
	conflict := s.want()
	for {
		var err error
		if conflict == nil {
			if conflict, err = s.propagate(); err != nil {
				return nil, err
			}
		}
		if conflict != nil {
			if conflict, err = s.learn(conflict); conflict != nil || err != nil {
				return conflict, err
			}
			continue
		}
		next, ok := s.next()
		if !ok {
			return nil, nil
		}
		s.decide(next)
	}
}

// want turns the request into incompatibilities. It returns one that can
// never hold, where there is one.
func (s *solver) want() *incompatibility {
	wants := slices.Clone(s.request.Wants)
	slices.SortStableFunc(wants, func(a, b Want) int { return a.ID.Compare(b.ID) })
	var conflict *incompatibility
	for _, w := range wants {
		x := s.load(w.ID)
		s.variables[x].rank = 1
		if s.variables[x].lock != 0 {
			s.variables[x].rank = 0
		}
		i := s.incompatible(&requirement{who: -1, target: x, rng: w.Range})
		if len(i.terms) == 0 && conflict == nil {
			conflict = i
		}
		s.add(i)
		s.changed = append(s.changed, x)
	}
	return conflict
}

// load makes the variable of id.
func (s *solver) load(id artifact.Name) int {
	if x, ok := s.byID[id]; ok {
		return x
	}
	x := len(s.variables)
	s.byID[id] = x
	v := &variable{id: id, candidates: newestFirst(s.universe, s.request, id), rank: 2}
	v.all = fullSet(len(v.candidates) + 1)
	if lock := s.request.Locked[id]; lock != "" {
		v.lock = 1 + slices.IndexFunc(v.candidates, func(c Candidate) bool { return c.Digest == lock })
	}
	s.variables = append(s.variables, v)
	return x
}

// incompatible is f as an incompatibility.
func (s *solver) incompatible(f *requirement) *incompatibility {
	i := &incompatibility{requirement: f}
	if f.who >= 0 {
		i.terms = append(i.terms, term{f.who, f.versions})
	}
	target := s.variables[f.target]
	s.work += len(target.candidates)
	outside := newSet(len(target.candidates) + 1)
	if !f.optional {
		outside.add(absent)
	}
	for n, c := range target.candidates {
		if !inRange(f.rng, c, s.request.Prerelease) {
			outside.add(n + 1)
		}
	}
	switch {
	case f.who == f.target: // needs itself: only the versions inside the range may stand
		i.terms[0].values = i.terms[0].values.and(outside)
	case !target.all.within(outside):
		i.terms = append(i.terms, term{f.target, outside})
	}
	return i
}

func (s *solver) add(i *incompatibility) {
	for _, t := range i.terms {
		v := s.variables[t.variable]
		v.watching = append(v.watching, i)
	}
}

// left is what is left of variable x.
func (s *solver) left(x int) set {
	v := s.variables[x]
	if len(v.history) == 0 {
		return v.all
	}
	return s.trail[v.history[len(v.history)-1]].left
}

func (s *solver) assign(x int, values set, cause *incompatibility) {
	v := s.variables[x]
	s.trail = append(s.trail, assignment{x, values, s.left(x).and(values), s.level, cause})
	v.history = append(v.history, len(s.trail)-1)
	s.changed = append(s.changed, x)
}

// propagate follows what must be until nothing changes. It returns an
// incompatibility that the partial solution satisfies, where there is one.
func (s *solver) propagate() (*incompatibility, error) {
	for len(s.changed) > 0 {
		x := s.changed[0]
		s.changed = s.changed[1:]
		watching := s.variables[x].watching
		for n := len(watching) - 1; n >= 0; n-- { // what was learned last says most
			if err := s.spend(); err != nil {
				return nil, err
			}
			open, satisfied := s.look(watching[n])
			if satisfied {
				s.changed = nil
				return watching[n], nil
			}
			if open >= 0 {
				t, _ := watching[n].about(open)
				s.assign(open, s.variables[open].all.minus(t.values), watching[n])
			}
		}
	}
	return nil, nil
}

// look says whether the partial solution satisfies i, or, if it satisfies all
// terms but one and leaves that open, which variable; -1 otherwise.
func (s *solver) look(i *incompatibility) (open int, satisfied bool) {
	open = -1
	for _, t := range i.terms {
		left := s.left(t.variable)
		switch {
		case left.within(t.values):
		case left.apart(t.values), open >= 0:
			return -1, false
		default:
			open = t.variable
		}
	}
	return open, open < 0
}

func (s *solver) spend() error {
	s.work++
	if s.work > s.most {
		return fmt.Errorf("resolve: no answer after %d steps, narrower ranges make it easier: %w", s.most, ErrExhausted)
	}
	if s.work%1024 == 0 {
		return s.ctx.Err()
	}
	return nil
}

// next is the variable to decide: one that must be there. Locked wants come
// first, then the other wants, then all else, each by name.
func (s *solver) next() (int, bool) {
	best := -1
	for x, v := range s.variables {
		if v.decided || s.left(x).has(absent) {
			continue
		}
		if best < 0 || v.rank < s.variables[best].rank ||
			v.rank == s.variables[best].rank && v.id.Compare(s.variables[best].id) < 0 {
			best = x
		}
	}
	return best, best >= 0
}

// decide chooses the locked candidate of x if it is left, else the newest.
func (s *solver) decide(x int) {
	v := s.variables[x]
	value := s.left(x).first()
	if v.lock != 0 && s.left(x).has(v.lock) {
		value = v.lock
	}
	s.require(x, value-1)
	s.level++
	only := newSet(len(v.candidates) + 1)
	only.add(value)
	v.decided = true
	s.assign(x, only, nil)
}

// require turns the dependencies of candidate n of x into incompatibilities.
// Versions that say the same share one, so that what is learned about one
// holds for all.
func (s *solver) require(x, n int) {
	if s.variables[x].sharing == nil {
		s.variables[x].share()
	}
	for _, d := range s.variables[x].candidates[n].Dependencies {
		key := dependencyKey(d)
		same := s.variables[x].sharing[key]
		if same == nil {
			continue // said already
		}
		s.variables[x].sharing[key] = nil
		target := s.load(d.ID)
		s.add(s.incompatible(&requirement{who: x, versions: same, target: target, rng: d.Range, optional: d.Optional}))
	}
}

// share finds which candidates have the same dependency.
func (v *variable) share() {
	v.sharing = map[string]set{}
	for n, c := range v.candidates {
		for _, d := range c.Dependencies {
			key := dependencyKey(d)
			if v.sharing[key] == nil {
				v.sharing[key] = newSet(len(v.candidates) + 1)
			}
			v.sharing[key].add(n + 1)
		}
	}
}

func dependencyKey(d artifact.Dependency) string {
	kind := "!"
	if d.Optional {
		kind = "?"
	}
	return d.ID.String() + kind + d.Range.String()
}
