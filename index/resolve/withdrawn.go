package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// maxWithdrawn is how many withdrawn versions of a plugin an explanation tells.
const maxWithdrawn = 3

// A present version is one that is there, whether it may be chosen or not.
type present struct {
	version artifact.Version
	// why it was withdrawn from everybody: its state, reason and since when; ""
	// where it was not, or not by anything but who asks.
	why string
}

// knowing is a Universe that knows of versions which are no candidates.
type knowing interface {
	// present are all versions of id that are there, newest first.
	present(id artifact.Name) []present
}

func presentIn(u Universe, id artifact.Name) []present {
	if known, ok := u.(knowing); ok {
		return known.present(id)
	}
	var out []present
	for _, c := range u.Candidates(id) {
		out = append(out, present{c.Version, c.Held})
	}
	return out
}

// present implements knowing.
func (o *overCatalog) present(id artifact.Name) []present {
	versions, err := o.snapshot.Why(id, catalog.Fit{Prerelease: true, Age: o.fit.Age})
	if err != nil {
		return nil // it is not there
	}
	var out []present
	for _, v := range versions {
		parsed, err := artifact.ParseVersion(v.Version)
		if err != nil {
			if parsed, err = artifact.ParseVersionTag(v.Version); err != nil {
				continue
			}
		}
		one := present{version: parsed}
		for _, r := range v.Reasons {
			if r.Code != index.ReasonOlder {
				one.why = r.Detail
				break
			}
		}
		out = append(out, one)
	}
	return out
}

func (a added) present(id artifact.Name) []present {
	all := presentIn(a.Universe, id)
	if id == a.candidate.ID {
		all = append(slices.Clone(all), present{version: a.candidate.Version})
	}
	return all
}

// withdrawn are the versions of x that satisfy all of requirements and were
// withdrawn, each with the reason, newest first.
func (s *solver) withdrawn(x int, requirements []*requirement) []string {
	id, more := s.variables[x].id, 0
	var out []string
	for _, v := range presentIn(s.universe, id) {
		switch {
		case v.why == "" || slices.ContainsFunc(requirements, func(f *requirement) bool {
			return !inRange(f.rng, Candidate{Version: v.version}, true)
		}):
		case len(out) == maxWithdrawn:
			more++
		default:
			out = append(out, fmt.Sprintf("%s: %s", v.version, v.why))
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return out
}

// told is text with why the versions that x might be were withdrawn, as far as
// it does not say so already.
func (s *solver) told(text string, x int, requirements []*requirement) string {
	var more []string
	for _, one := range s.withdrawn(x, requirements) {
		if _, why, _ := strings.Cut(one, ": "); why == "" || !strings.Contains(text, why) {
			more = append(more, one)
		}
	}
	if len(more) == 0 {
		return text
	}
	return fmt.Sprintf("%s (%s)", text, strings.Join(more, "; "))
}

// Meant are advices for a name that s does not know: what it may be a typo of,
// and what else to do.
func Meant(s *catalog.Snapshot, id artifact.Name, otherwise ...string) []string {
	near := s.Near(id)
	if len(near) == 0 {
		return otherwise
	}
	names := make([]string, len(near))
	for i, one := range near {
		names[i] = one.String()
	}
	return append([]string{"did you mean " + strings.Join(names, " or ") + "?"}, otherwise...)
}
