package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// The search for hints is bounded by what it tries, not by a clock, so that
// the same request has the same hints.
const (
	maxHintTries = 96
	maxHintWork  = maxWork / 8
	maxHintMoves = 16 // changes that are looked at after one proof
	maxHints     = 12
)

// adjustable is a Universe that knows which other questions would have other
// candidates.
type adjustable interface {
	Universe
	// changes are hints of the kinds host, platform and channel by which id would
	// have versions that it has not now, the nearest first.
	changes(id artifact.Name) []index.Hint
	// open reports whether a version of id that is published now may be chosen.
	open(id artifact.Name) bool
	// with is the universe of the changed question.
	with(h index.Hint) Universe
}

// A variant is the request with some hints followed.
type variant struct {
	hints        []index.Hint
	universe     Universe
	request      Request
	solver       *solver
	requirements []*requirement // why it has no solution
	solved       bool
}

// hints searches for the fewest changes that give a solution: one, then two,
// by trying what each proof blames; and where that is not enough, one change
// for each plugin that blocks, as long as there is progress.
func (s *solver) hints(requirements []*requirement) []index.Hint {
	root := &variant{universe: s.universe, request: s.request, solver: s, requirements: requirements}
	for _, missing := range []bool{false, true} { // which nobody who asks can change, so it comes last
		search := &hintSearch{from: s, missing: missing}
		if out := search.fewest(root); len(out) > 0 {
			return out
		}
		search.tries, search.work = 0, 0
		if out := search.told(search.descend(root)); len(out) > 0 {
			return out
		}
	}
	return nil
}

// fewest tries one change, then two.
func (h *hintSearch) fewest(root *variant) []index.Hint {
	level := []*variant{root}
	for range 2 {
		var next []*variant
		for _, v := range level {
			for _, hint := range h.moves(v) {
				child := h.try(v, hint)
				if child == nil {
					continue
				}
				if child.solved {
					return h.told(child)
				}
				next = append(next, child)
			}
		}
		level = next
	}
	return nil
}

type hintSearch struct {
	from        *solver
	missing     bool // versions that are not here may be part of the change
	tries, work int
}

// try follows one more hint; nil where it could not be told.
func (h *hintSearch) try(v *variant, hint index.Hint) *variant {
	if h.tries >= maxHintTries || h.work >= maxHintWork || h.from.ctx.Err() != nil {
		return nil
	}
	child := v.follow(hint)
	if child == nil {
		return nil
	}
	h.solve(child)
	if child.solver == nil {
		return nil
	}
	return child
}

func (h *hintSearch) solve(v *variant) {
	h.tries++
	s := newSolver(h.from.ctx, v.universe, v.request, maxTryWork)
	proof, err := s.solve()
	h.work += s.work
	if err != nil {
		return
	}
	v.solver, v.solved = s, proof == nil
	if proof != nil {
		v.requirements = proof.requirements()
	}
}

// descend follows, one after the other, hints after which another plugin
// blocks than before.
func (h *hintSearch) descend(v *variant) *variant {
	for len(v.hints) < maxHints {
		var next *variant
		for _, hint := range h.moves(v) {
			child := h.try(v, hint)
			if child == nil {
				continue
			}
			if child.solved {
				return child
			}
			if next == nil && !slices.Contains(child.solver.contested(child.requirements), nameOf(hint.Plugin)) {
				next = child
			}
		}
		if next == nil {
			return nil
		}
		v = next
	}
	return nil
}

func nameOf(s string) artifact.Name {
	name, _ := artifact.ParseName(s) // written here by String
	return name
}

// moves are hints that may help against what v's proof blames.
func (h *hintSearch) moves(v *variant) []index.Hint {
	var out, missing []index.Hint
	add := func(one index.Hint) {
		if !slices.Contains(out, one) && !slices.ContainsFunc(v.hints, func(o index.Hint) bool { return clash(o, one) }) {
			out = append(out, one)
		}
	}
	s := v.solver
	if !v.request.Prerelease {
		for _, x := range s.targets(v.requirements) {
			if id := s.variables[x].id; slices.ContainsFunc(s.variables[x].candidates, func(c Candidate) bool { return c.Version.IsPrerelease() && !c.OptIn }) {
				add(index.Hint{Plugin: id.String(), Change: index.HintPrerelease, From: "false", To: "true"})
			}
		}
	}
	for _, f := range v.requirements {
		if f.who < 0 && !f.rng.IsZero() {
			add(index.Hint{Plugin: s.variables[f.target].id.String(), Change: index.HintRange, From: f.rng.String()})
		}
	}
	for _, x := range s.targets(v.requirements) {
		id := s.variables[x].id
		if u, ok := v.universe.(adjustable); ok {
			for _, one := range u.changes(id) {
				add(one)
			}
		}
		if !h.missing || !mayHaveMore(v.universe, id) {
			continue
		}
		if len(s.withdrawn(x, toward(x, v.requirements))) > 0 {
			continue // it is not missing: it may not be had, and the explanation says why
		}
		if version, ok := wanting(presentIn(v.universe, id), toward(x, v.requirements), s.request.Prerelease); ok && s.allowed(x, toward(x, v.requirements)).first() < 0 {
			missing = append(missing, index.Hint{Plugin: id.String(), Change: index.HintMissing, To: version})
		}
	}
	for _, one := range missing {
		add(one)
	}
	return out[:min(len(out), maxHintMoves)]
}

// clash says that both change the same part of the request.
func clash(a, b index.Hint) bool {
	if a.Change != b.Change {
		return false
	}
	return a.Change != index.HintRange && a.Change != index.HintMissing || a.Plugin == b.Plugin && a.From == b.From
}

// follow is v with one more hint followed; nil where that is not possible.
func (v *variant) follow(h index.Hint) *variant {
	out := &variant{hints: append(slices.Clone(v.hints), h), universe: v.universe, request: v.request}
	switch h.Change {
	case index.HintPrerelease:
		out.request.Prerelease = true
	case index.HintRange:
		var to artifact.Range
		if h.To != "" {
			var err error
			if to, err = artifact.ParseRange(h.To); err != nil {
				return nil
			}
		}
		out.request.Wants = slices.Clone(v.request.Wants)
		for n, w := range out.request.Wants {
			if w.ID.String() == h.Plugin && w.Range.String() == h.From {
				out.request.Wants[n].Range = to
			}
		}
	case index.HintMissing:
		version, err := artifact.ParseVersion(h.To)
		if err != nil {
			return nil
		}
		out.universe = added{v.universe, Candidate{ID: nameOf(h.Plugin), Version: version}}
	default:
		u, ok := v.universe.(adjustable)
		if !ok {
			return nil
		}
		out.universe = u.with(h)
	}
	return out
}

// told are the hints of a solved variant, ranges as narrow as they are good
// to read, after it was tried that the request as it is then resolves.
func (h *hintSearch) told(v *variant) []index.Hint {
	if v == nil || len(v.hints) > maxHints {
		return nil
	}
	h.tries, h.work = 0, 0
	wide, exact := slices.Clone(v.hints), slices.Clone(v.hints)
	for n, one := range v.hints {
		if one.Change != index.HintRange {
			continue
		}
		c := v.solver.choice(nameOf(one.Plugin))
		if c == nil {
			return nil
		}
		wide[n].To, exact[n].To = caretText(c.Version), "="+c.Version.String()
	}
	for _, hints := range [][]index.Hint{wide, exact} {
		last := &variant{universe: h.from.universe, request: h.from.request}
		for _, one := range hints {
			if last = last.follow(one); last == nil {
				break
			}
		}
		if last == nil {
			continue
		}
		if h.solve(last); last.solved {
			for n := range hints {
				hints[n].Detail = textOf(hints[n])
			}
			return hints
		}
	}
	return nil
}

// caretText is the widest range that promises to be compatible with v.
func caretText(v artifact.Version) string {
	switch {
	case v.IsPrerelease():
		return "^" + v.String()
	case v.Major() > 0:
		return fmt.Sprintf("^%d", v.Major())
	}
	return fmt.Sprintf("^%d.%d", v.Major(), v.Minor())
}

func textOf(h index.Hint) string {
	switch h.Change {
	case index.HintRange:
		return fmt.Sprintf("ask for %s %s instead of %s", h.Plugin, h.To, h.From)
	case index.HintPrerelease:
		return fmt.Sprintf("take prereleases, of which %s has some", h.Plugin)
	case index.HintHost:
		return fmt.Sprintf("with host version %s instead of %s there is a version of %s", h.To, h.From, h.Plugin)
	case index.HintPlatform:
		return fmt.Sprintf("on platform %s instead of %s there is a version of %s", h.To, h.From, h.Plugin)
	case index.HintChannel:
		if h.To == "" {
			return fmt.Sprintf("without the channel %s there is a version of %s", h.From, h.Plugin)
		}
		return fmt.Sprintf("in the channel %s instead of %s there is a version of %s", h.To, h.From, h.Plugin)
	}
	return fmt.Sprintf("%s has no version that would do here; one such as %s is missing", h.Plugin, h.To)
}

// added is a universe with a version that is not there.
type added struct {
	Universe
	candidate Candidate
}

// Candidates implements Universe.
func (a added) Candidates(id artifact.Name) []Candidate {
	all := a.Universe.Candidates(id)
	if id == a.candidate.ID {
		return append(slices.Clone(all), a.candidate)
	}
	return all
}

func (a added) changes(id artifact.Name) []index.Hint {
	if u, ok := a.Universe.(adjustable); ok {
		return u.changes(id)
	}
	return nil
}

func (a added) open(id artifact.Name) bool { return mayHaveMore(a.Universe, id) }

func mayHaveMore(u Universe, id artifact.Name) bool {
	known, ok := u.(adjustable)
	return !ok || known.open(id)
}

func (a added) with(h index.Hint) Universe {
	if u, ok := a.Universe.(adjustable); ok {
		return added{u.with(h), a.candidate}
	}
	return a
}

// wanting is a version that lies in the ranges of requirements and is not there.
func wanting(there []present, requirements []*requirement, prerelease bool) (string, bool) {
	tries := []string{"1.0.0"}
	for _, f := range requirements {
		for _, word := range strings.FieldsFunc(f.rng.String(), func(r rune) bool { return strings.ContainsRune("^~<>=!|, ", r) }) {
			tries = append(tries, versionsNear(word)...)
		}
	}
	for _, p := range there[:min(len(there), 1)] {
		tries = append(tries, versionsNear(p.version.String())...)
	}
	for _, text := range tries {
		v, err := artifact.ParseVersion(text)
		if err != nil || slices.ContainsFunc(there, func(p present) bool { return p.version.Compare(v) == 0 }) {
			continue
		}
		if !slices.ContainsFunc(requirements, func(f *requirement) bool { return !inRange(f.rng, Candidate{Version: v}, prerelease) }) {
			return text, true
		}
	}
	return "", false
}

// versionsNear are the version that word begins, and some just above and below.
func versionsNear(word string) []string {
	var part [3]int
	core, _, _ := strings.Cut(strings.TrimPrefix(word, "v"), "-")
	if n, _ := fmt.Sscanf(core, "%d.%d.%d", &part[0], &part[1], &part[2]); n == 0 {
		return nil
	}
	out := []string{}
	for _, d := range [][3]int{{0, 0, 0}, {0, 0, 1}, {0, 1, 0}, {1, 0, 0}} {
		out = append(out, fmt.Sprintf("%d.%d.%d", part[0]+d[0], part[1]+d[1], part[2]+d[2]))
	}
	switch {
	case part[2] > 0:
		out = append(out, fmt.Sprintf("%d.%d.%d", part[0], part[1], part[2]-1))
	case part[1] > 0:
		out = append(out, fmt.Sprintf("%d.%d.0", part[0], part[1]-1))
	case part[0] > 0:
		out = append(out, fmt.Sprintf("%d.0.0", part[0]-1))
	}
	return out
}
