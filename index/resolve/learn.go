package resolve

// learn resolves conflict, which the partial solution satisfies, until it says
// which decision was wrong, takes that back and keeps what was learned. It
// returns the last incompatibility where no decision was wrong: there is no
// solution.
func (s *solver) learn(conflict *incompatibility) (*incompatibility, error) {
	learned := conflict
	for len(learned.terms) > 0 {
		if err := s.spend(); err != nil {
			return nil, err
		}
		last, before := s.satisfier(learned)
		a := s.trail[last]
		if a.cause == nil || before < a.level {
			s.backtrack(before)
			if learned != conflict {
				s.add(learned)
			}
			for _, t := range learned.terms {
				s.changed = append(s.changed, t.variable)
			}
			return nil, nil
		}
		learned = s.resolvent(learned, a.cause, a.variable)
	}
	return learned, nil
}

// satisfier is the assignment that made i satisfied, and the level at which
// all but that assignment was there to satisfy it.
func (s *solver) satisfier(i *incompatibility) (last, before int) {
	last = -1
	for _, t := range i.terms {
		at := s.firstWithin(t, nil)
		if last >= 0 && s.trail[min(last, at)].level > before {
			before = s.trail[min(last, at)].level
		}
		last = max(last, at)
	}
	// The last assignment may need earlier ones of its own variable too.
	t, _ := i.about(s.trail[last].variable)
	if at := s.firstWithin(t, s.trail[last].values); at >= 0 && s.trail[at].level > before {
		before = s.trail[at].level
	}
	return last, before
}

// firstWithin is the first assignment after which what is left of t's
// variable, cut by with, satisfies t; -1 if that is so before any.
func (s *solver) firstWithin(t term, with set) int {
	v := s.variables[t.variable]
	cut := func(left set) set {
		if with == nil {
			return left
		}
		return left.and(with)
	}
	if cut(v.all).within(t.values) {
		return -1
	}
	for _, at := range v.history {
		if cut(s.trail[at].left).within(t.values) {
			return at
		}
	}
	return -1
}

// backtrack drops every assignment above level.
func (s *solver) backtrack(level int) {
	for len(s.trail) > 0 && s.trail[len(s.trail)-1].level > level {
		a := s.trail[len(s.trail)-1]
		v := s.variables[a.variable]
		v.history = v.history[:len(v.history)-1]
		if a.cause == nil {
			v.decided = false
		}
		s.trail = s.trail[:len(s.trail)-1]
	}
	s.level = level
	s.changed = nil
}
