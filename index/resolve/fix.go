package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
)

const (
	maxFixes   = 3
	maxTries   = 12
	maxTryWork = maxWork / 16
)

// fixes are sentences about requests near this one that have a solution. Each
// is tried before it is told.
func (s *solver) fixes(requirements []*requirement) []string {
	var out []string
	tries := 0
	try := func(r Request, tell func(*solver) string) {
		if len(out) >= maxFixes || tries >= maxTries || len(r.Wants) == 0 {
			return
		}
		tries++
		next := newSolver(s.ctx, s.universe, r, maxTryWork)
		if proof, err := next.solve(); err == nil && proof == nil {
			out = append(out, tell(next))
		}
	}
	blamed := s.blamed(requirements)
	for _, n := range blamed {
		w := s.request.Wants[n]
		if w.Range.IsZero() {
			continue
		}
		free := s.request
		free.Wants = slices.Clone(s.request.Wants)
		free.Wants[n].Range = artifact.Range{}
		try(free, func(t *solver) string { return t.other(w, s.contested(requirements)) })
	}
	if !s.request.Prerelease {
		pre := s.request
		pre.Prerelease = true
		try(pre, func(t *solver) string { return t.prereleases(s.contested(requirements)) })
	}
	if len(out) == 0 {
		for _, n := range blamed {
			less := s.request
			less.Wants = slices.Delete(slices.Clone(s.request.Wants), n, n+1)
			try(less, func(*solver) string {
				return fmt.Sprintf("Without %s the rest can be resolved.", s.request.Wants[n].ID)
			})
		}
	}
	return out
}

// blamed are the wants that the proof needs.
func (s *solver) blamed(requirements []*requirement) []int {
	var out []int
	for n, w := range s.request.Wants {
		if slices.ContainsFunc(requirements, func(f *requirement) bool {
			return f.who < 0 && s.variables[f.target].id == w.ID && f.rng.String() == w.Range.String()
		}) {
			out = append(out, n)
		}
	}
	return out
}

// contested are the plugins that requirements leave no version of.
func (s *solver) contested(requirements []*requirement) []artifact.Name {
	var out []artifact.Name
	for _, x := range s.targets(requirements) {
		if s.allowed(x, toward(x, requirements)).first() < 0 {
			out = append(out, s.variables[x].id)
		}
	}
	return out
}

// other tells that another range of w would help, and how that settles what
// was contested. The range is the widest caret range that was tried.
func (s *solver) other(w Want, contested []artifact.Name) string {
	c := s.choice(w.ID)
	text := fmt.Sprintf("Asking for %s@%s would help", w.ID, s.caret(w.ID, c.Version))
	var because []string
	for _, d := range c.Dependencies {
		if slices.Contains(contested, d.ID) && !d.Optional {
			because = append(because, fmt.Sprintf("it needs %s %s", d.ID, d.Range))
		}
	}
	switch {
	case len(because) > 0:
		text += ": " + strings.Join(because, " and ")
	case slices.ContainsFunc(contested, func(id artifact.Name) bool { return s.choice(id) == nil }):
		text += ": it does without " + s.without(contested)
	}
	return text + "."
}

func (s *solver) without(contested []artifact.Name) string {
	var gone []string
	for _, id := range contested {
		if s.choice(id) == nil {
			gone = append(gone, id.String())
		}
	}
	return strings.Join(gone, " and ")
}

// caret is the caret range around v if asking for it gives a solution too,
// else exactly v.
func (s *solver) caret(id artifact.Name, v artifact.Version) string {
	text := "^" + v.String()
	switch {
	case v.IsPrerelease():
	case v.Major() > 0:
		text = fmt.Sprintf("^%d", v.Major())
	default:
		text = fmt.Sprintf("^%d.%d", v.Major(), v.Minor())
	}
	rng, err := artifact.ParseRange(text)
	if err != nil {
		return v.String()
	}
	r := s.request
	r.Wants = slices.Clone(r.Wants)
	for n := range r.Wants {
		if r.Wants[n].ID == id {
			r.Wants[n].Range = rng
		}
	}
	if proof, err := newSolver(s.ctx, s.universe, r, maxTryWork).solve(); err != nil || proof != nil {
		return v.String()
	}
	return text
}

// prereleases tells which prereleases would settle it.
func (s *solver) prereleases(contested []artifact.Name) string {
	var pre []string
	for _, id := range contested {
		if c := s.choice(id); c != nil && c.Version.IsPrerelease() {
			pre = append(pre, id.String()+" "+c.Version.String())
		}
	}
	if len(pre) == 0 {
		return "Taking prereleases would help."
	}
	return fmt.Sprintf("Taking prereleases would help: there is %s.", strings.Join(pre, " and "))
}
