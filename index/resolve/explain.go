package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// An explanation is for reading: what is beyond this is counted.
const (
	maxExplained = 12
	maxClauses   = 8
)

// Unsatisfiable says that no choice of versions satisfies every range. It wraps
// artifact.ErrConflict and is an *index.Problem of code "unsatisfiable".
type Unsatisfiable struct {
	// Explanation says in sentences who wants what and what there is.
	Explanation string
	// Fixes are sentences that say what would help; each was tried. There may
	// be none.
	Fixes []string
	// Hints are changes of the request that give a solution when all of them are
	// followed; that was tried. None means that no change is known.
	Hints []index.Hint
}

func (e *Unsatisfiable) Error() string {
	return strings.Join(append([]string{e.Explanation}, e.Fixes...), " ")
}

// Unwrap gives the kind and the answer on the wire.
func (e *Unsatisfiable) Unwrap() []error { return []error{artifact.ErrConflict, e.Problem()} }

// Problem is the answer on the wire.
func (e *Unsatisfiable) Problem() *index.Problem {
	detail := "no set of versions satisfies every range"
	if len(e.Hints) == 0 {
		detail += ", and no change of the request is known that would help"
	}
	p := index.NewProblem(index.CodeUnsatisfiable, detail, e.Fixes...)
	p.Explanation, p.Hints = e.Explanation, e.Hints
	return p
}

// explain tells the leaves of the proof, grouped by the plugin that they
// contend for, in the order in which a reader meets them from the request.
func (s *solver) explain(proof *incompatibility) *Unsatisfiable {
	requirements := proof.requirements()
	var lines []string
	for _, x := range s.targets(requirements) {
		about := requirements[:0:0]
		for _, f := range requirements {
			if f.target == x {
				about = append(about, f)
			}
		}
		if text := s.contention(x, about, requirements); text != "" {
			lines = append(lines, text+".")
		}
	}
	if more := len(lines) - maxExplained; more > 0 {
		lines = append(lines[:maxExplained], fmt.Sprintf("So it is with %d more plugins.", more))
	}
	return &Unsatisfiable{Explanation: strings.Join(lines, " "), Fixes: s.fixes(requirements), Hints: s.hints(requirements)}
}

// targets are the plugins that requirements speak about, each once, those that the
// request wants first.
func (s *solver) targets(requirements []*requirement) []int {
	var out []int
	seen := map[int]bool{}
	reach := func(who int) {
		for _, f := range requirements {
			if f.who == who && !seen[f.target] {
				seen[f.target] = true
				out = append(out, f.target)
			}
		}
	}
	reach(-1)
	for n := 0; n < len(out); n++ {
		reach(out[n])
	}
	return out
}

// contention says who wants which versions of x, and what there is of it. A
// want that leaves several versions and is not at odds with anybody else needs
// no sentence: what comes of it stands in the next.
func (s *solver) contention(x int, about, all []*requirement) string {
	v := s.variables[x]
	allowed := s.allowed(x, about)
	if allowed.first() >= 0 && len(about) == 1 && about[0].who < 0 {
		return ""
	}
	if named := slices.DeleteFunc(slices.Clone(about), func(f *requirement) bool { return f.who < 0 && f.rng.IsZero() }); len(named) > 0 {
		about = named
	}
	var who []string
	for _, f := range about[:min(len(about), maxClauses)] {
		who = append(who, s.says(f, all))
	}
	if more := len(about) - maxClauses; more > 0 {
		who = append(who, fmt.Sprintf("and %d more want something of it", more))
	}
	text := strings.Join(who, ", ")
	there := s.describe(x, presentOf(v))
	switch {
	case len(v.candidates) == 0:
		return s.told(text+"; "+s.nothing(v), x, about)
	case allowed.first() >= 0:
		return text
	case len(about) == 1:
		return s.told(fmt.Sprintf("%s; there is %s", text, there), x, about)
	case len(about) == 2:
		return s.told(fmt.Sprintf("%s; no version of %s is in both, there is %s", text, v.id, there), x, about)
	}
	return s.told(fmt.Sprintf("%s; no version of %s is in all of them, there is %s", text, v.id, there), x, about)
}

// nothing says why v has no candidates at all.
func (s *solver) nothing(v *variable) string {
	var held []string
	for _, c := range s.universe.Candidates(v.id) {
		held = append(held, fmt.Sprintf("%s is %s", c.Version, c.Held))
	}
	if len(held) > 0 {
		return fmt.Sprintf("of %s, %s, and nothing else fits", v.id, listing(held))
	}
	return s.universe.Absent(v.id)
}

// allowed are the present values of x that every one of requirements allows.
func (s *solver) allowed(x int, requirements []*requirement) set {
	v := s.variables[x]
	out := presentOf(v)
	for _, f := range requirements {
		for n, c := range v.candidates {
			if !inRange(f.rng, c, s.request.Prerelease) {
				out[(n+1)/64] &^= 1 << ((n + 1) % 64)
			}
		}
	}
	return out
}

// says is one requirement as a clause.
func (s *solver) says(f *requirement, all []*requirement) string {
	target := s.variables[f.target].id
	if f.who < 0 && f.rng.IsZero() {
		return fmt.Sprintf("the request asks for %s", target)
	}
	if f.who < 0 {
		return fmt.Sprintf("the request asks for %s %s", target, f.rng)
	}
	versions := f.versions
	if asked := versions.and(s.allowed(f.who, toward(f.who, all))); asked.first() >= 0 {
		versions = asked
	}
	verb, several := "needs", versions.minus(single(versions)).first() >= 0
	switch {
	case f.optional && several:
		verb = "go only with"
	case f.optional:
		verb = "goes only with"
	case several:
		verb = "need"
	}
	return fmt.Sprintf("%s %s %s %s", s.describe(f.who, versions), verb, target, rangeText(f.rng))
}

func toward(x int, requirements []*requirement) []*requirement {
	return slices.DeleteFunc(slices.Clone(requirements), func(f *requirement) bool { return f.target != x })
}

func single(s set) set {
	out := make(set, len(s))
	if n := s.first(); n >= 0 {
		out.add(n)
	}
	return out
}

func presentOf(v *variable) set {
	out := slices.Clone(v.all)
	out[0] &^= 1 << absent
	return out
}

// describe lists versions of x, newest first: "acme/a 2.1.0 and 2.0.0".
func (s *solver) describe(x int, values set) string {
	v := s.variables[x]
	var versions []string
	for n, c := range v.candidates {
		if values.has(n + 1) {
			versions = append(versions, c.Version.String())
		}
	}
	return v.id.String() + " " + listing(versions)
}

// listing joins versions; of a long list it names the ends.
func listing(versions []string) string {
	switch n := len(versions); {
	case n == 0:
		return ""
	case n == 1:
		return versions[0]
	case n > 4:
		return fmt.Sprintf("%s down to %s (%d versions)", versions[0], versions[n-1], n)
	}
	last := len(versions) - 1
	return strings.Join(versions[:last], ", ") + " and " + versions[last]
}

func rangeText(r artifact.Range) string {
	if r.IsZero() {
		return "*"
	}
	return r.String()
}
