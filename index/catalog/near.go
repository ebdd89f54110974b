package catalog

import (
	"cmp"
	"slices"

	"github.com/oarlock/oarlock/artifact"
)

// How far a name may be from one that is meant, in letters, how many of what a
// search finds are looked at, and how many are told.
const (
	maxTypo  = 2
	maxHits  = 50
	maxMeant = 3
)

// Near are the plugins of s that id, which is none of them, may be a typo of, the
// nearest first: a few letters differ, or the publisher alone does.
func (s *Snapshot) Near(id artifact.Name) []artifact.Name {
	meant := newPattern(id.String())
	type near struct {
		id artifact.Name
		by int
	}
	var found []near
	for _, text := range []string{id.Plugin(), id.Publisher()} {
		page, err := s.Query(Query{Text: text, Fit: Fit{Prerelease: true}, Limit: maxHits}, nil)
		if err != nil {
			continue // what cannot be searched for is near nothing
		}
		for _, hit := range page.Items {
			one := near{hit.Plugin.ID, meant.distance(hit.Plugin.ID.String())}
			if one.by > maxTypo && one.id.Plugin() != id.Plugin() || slices.Contains(found, one) {
				continue
			}
			found = append(found, one)
		}
	}
	slices.SortFunc(found, func(a, b near) int { return cmp.Or(a.by-b.by, a.id.Compare(b.id)) })
	out := make([]artifact.Name, 0, maxMeant)
	for _, one := range found[:min(len(found), maxMeant)] {
		out = append(out, one.id)
	}
	return out
}
