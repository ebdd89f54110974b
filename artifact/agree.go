package artifact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Disagreements names every annotation that says something else than the
// plugin manifest p, with both values and how to fix it. Where only one of them
// speaks there is nothing to disagree about.
func Disagreements(p *Plugin, annotations map[string]string) []Problem {
	says := p.Annotations()
	for _, d := range p.Dependencies { // an optional one may be repeated too
		says[requiresKey(d.ID)] = d.Range.String()
	}
	var out []Problem
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		theirs := annotations[key]
		ours, spoken := says[key]
		if !spoken && closedSet(p, key) {
			out = append(out, Problem{Place: key,
				Detail: fmt.Sprintf("the annotation says %q and the plugin manifest in the config does not name it", theirs),
				Fix:    "add it to the config or drop the annotation"})
		}
		if spoken && !sameValue(key, ours, theirs) {
			out = append(out, Problem{Place: key,
				Detail: fmt.Sprintf("the annotation says %q, the plugin manifest in the config says %q", theirs, ours),
				Fix:    "make them equal or drop the annotation"})
		}
	}
	return out
}

// closedSet reports whether key belongs to a set that the config lists whole,
// so that one more member in the annotations is a disagreement.
func closedSet(p *Plugin, key string) bool {
	return strings.HasPrefix(key, KeyEngine) && len(p.Engines) > 0 ||
		strings.HasPrefix(key, KeyRequires) && len(p.Dependencies) > 0
}

func sameValue(key, a, b string) bool {
	switch {
	case a == b:
		return true
	case key == KeyCategories, key == KeyKeywords, key == KeyNiches, key == KeyPermissions:
		return slices.Equal(itemSet(a), itemSet(b))
	case strings.HasPrefix(key, KeyEngine), strings.HasPrefix(key, KeyRequires):
		return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
	case key == ocispec.AnnotationCreated:
		ta, errA := time.Parse(time.RFC3339, a)
		tb, errB := time.Parse(time.RFC3339, b)
		return errA == nil && errB == nil && ta.Equal(tb)
	}
	return false
}

func itemSet(s string) []string {
	r := annotationReader{a: map[string]string{"": s}}
	items := r.list("")
	slices.Sort(items)
	return items
}

// merge fills what p leaves out from q.
func (p *Plugin) merge(q *Plugin) {
	fill := func(to *string, from string) {
		if *to == "" {
			*to = from
		}
	}
	if p.ID.IsZero() {
		p.ID = q.ID
	}
	if p.Version.IsZero() {
		p.Version = q.Version
	}
	fill(&p.Title, q.Title)
	fill(&p.Description, q.Description)
	fill(&p.License, q.License)
	fill(&p.Vendor, q.Vendor)
	fill(&p.Homepage, q.Homepage)
	fill(&p.Repository, q.Repository)
	fill(&p.Documentation, q.Documentation)
	fill(&p.Revision, q.Revision)
	fill(&p.Tier, q.Tier)
	fillList(&p.Keywords, q.Keywords)
	fillList(&p.Categories, q.Categories)
	fillList(&p.Niches, q.Niches)
	fillList(&p.Permissions, q.Permissions)
	fillList(&p.Dependencies, q.Dependencies)
	if p.Created == nil {
		p.Created = q.Created
	}
	if len(p.Engines) == 0 {
		p.Engines = q.Engines
	}
}

func fillList[T any](to *[]T, from []T) {
	if len(*to) == 0 {
		*to = from
	}
}
