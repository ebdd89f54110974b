package client

import (
	"context"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

func (s *Store) remove(ctx context.Context, ids []artifact.Name) (*Change, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	st, err := s.settle()
	if err != nil {
		return nil, err
	}
	next, err := remaining(st.Current, ids)
	if err != nil {
		return nil, err
	}
	next.Serial, next.Action, next.At = st.Current.Serial+1, "remove", s.options.Now().UTC()
	earlier := append([]set{st.Current}, st.Earlier...)
	return s.commit(st.Current, state{Current: next, Earlier: earlier[:min(len(earlier), s.options.Keep)]})
}

// remaining is now without what was asked for by ids, and without all that nothing
// that is left asks for.
func remaining(now set, ids []artifact.Name) (set, error) {
	wants, err := withoutWants(now, ids)
	if err != nil {
		return set{}, err
	}
	next := set{Catalog: now.Catalog, Asked: now.Asked, Wants: wants}
	stays := map[string]bool{}
	for _, w := range wants {
		stays[w.ID] = true
	}
	for more := true; more; { // who is needed by what stays, stays
		more = false
		for _, e := range now.Plugins {
			if !stays[e.ID.String()] && slices.ContainsFunc(e.RequestedBy, func(by string) bool { return stays[by] }) {
				stays[e.ID.String()], more = true, true
			}
		}
	}
	gone := map[string]bool{}
	for _, id := range ids {
		gone[id.String()] = true
	}
	for _, e := range now.Plugins {
		if !stays[e.ID.String()] {
			continue
		}
		e.RequestedBy = slices.DeleteFunc(slices.Clone(e.RequestedBy), func(by string) bool {
			return by == byRequest && gone[e.ID.String()] || by != byRequest && !stays[by]
		})
		next.Plugins = append(next.Plugins, e)
	}
	return next, nil
}
