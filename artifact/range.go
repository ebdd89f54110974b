package artifact

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// A Range is a set of versions such as ">=1.2 <3 || ^4.1". The zero Range
// holds nothing; ParseRange is the only way to a valid one.
//
// A version that is named whole means exactly that one: "1.0.0" and "=1.0.0"
// do not hold 1.0.0+10, and "=1.0.0+10" holds nothing else, so that a build
// published later never changes what they mean. All other comparators go by
// SemVer precedence, where build metadata does not count.
type Range struct {
	text string
	c    *semver.Constraints // by the usual rule: a prerelease only where the range names one
	pre  *semver.Constraints // the same with prereleases let in by precedence
	alts []alternative       // what is between "||"; nil where no version is named whole
}

// ParseRange parses s by the rules of Masterminds/semver 3.5: comparators,
// "^", "~", "x", hyphen ranges, "," or space for and, "||" for or; at most 512
// bytes and 32 alternatives. Errors wrap ErrInvalid and quote s.
func ParseRange(s string) (Range, error) {
	text := strings.Join(strings.Fields(s), " ")
	if text == "" {
		return Range{}, fmt.Errorf("range %q: empty, expected a SemVer range such as \">=1.2 <3\" (\"*\" for any): %w", s, ErrInvalid)
	}
	c, err := semver.NewConstraint(text)
	if err != nil {
		return Range{}, fmt.Errorf("range %q: %s, expected a SemVer range such as \">=1.2 <3\" or \"^1.4 || ^2\": %w", s, err, ErrInvalid)
	}
	pre, err := semver.NewConstraint(text)
	if err != nil {
		return Range{}, fmt.Errorf("range %q: %w", s, ErrInvalid)
	}
	pre.IncludePrerelease = true
	return Range{text, c, pre, alternatives(text)}, nil
}

// An alternative is one of several ranges of which one is enough.
type alternative struct {
	c, pre *semver.Constraints
	builds []string // the build metadata of each version that it names whole
}

// comparator is one operator with its version, as Masterminds/semver reads it.
var comparator = regexp.MustCompile(`(!=|>=|=>|<=|=<|~>|=|>|<|~|\^)?\s*(v?[0-9xX*][^\s,<>=!~^|]*)`)

// hyphens is a range of two ends, whose versions are not named for themselves.
var hyphens = regexp.MustCompile(`\S+\s+-\s+\S+`)

// alternatives are those of a range that was parsed; nil where none of them
// names a version whole, so that precedence decides alone.
func alternatives(text string) []alternative {
	if !strings.ContainsAny(text, ".") {
		return nil
	}
	var out []alternative
	whole := false
	for part := range strings.SplitSeq(text, "||") {
		var a alternative
		for _, m := range comparator.FindAllStringSubmatch(hyphens.ReplaceAllString(part, " "), -1) {
			v, err := semver.StrictNewVersion(strings.TrimPrefix(m[2], "v"))
			if (m[1] == "" || m[1] == "=") && err == nil {
				a.builds, whole = append(a.builds, v.Metadata()), true
			}
		}
		var errs [2]error
		a.c, errs[0] = semver.NewConstraint(part)
		a.pre, errs[1] = semver.NewConstraint(part)
		if errs[0] != nil || errs[1] != nil {
			return nil // not met: the whole was parsed
		}
		a.pre.IncludePrerelease = true
		out = append(out, a)
	}
	if !whole {
		return nil
	}
	return out
}

func (a *alternative) holds(v *semver.Version, prerelease bool) bool {
	for _, build := range a.builds {
		if build != v.Metadata() {
			return false
		}
	}
	if prerelease {
		return a.pre.Check(v)
	}
	return a.c.Check(v)
}

// Contains reports whether v lies in r. A prerelease lies in r only where r
// itself names a prerelease or prerelease is true.
func (r Range) Contains(v Version, prerelease bool) bool {
	if r.c == nil || v.v == nil {
		return false
	}
	if r.alts != nil {
		return slices.ContainsFunc(r.alts, func(a alternative) bool { return a.holds(v.v, prerelease) })
	}
	if prerelease {
		return r.pre.Check(v.v)
	}
	return r.c.Check(v.v)
}

// ContainsHost reports whether a host at h is inside r. A host that runs a
// prerelease is placed by SemVer precedence: 2.0.0-rc.1 is inside ">=1 <3",
// outside ">=2.0.0", and outside "^1.4". Build metadata of a host does not count.
func (r Range) ContainsHost(h HostVersion) bool {
	return r.pre != nil && h.v != nil && r.pre.Check(h.v)
}

// IsZero reports whether r is the zero Range.
func (r Range) IsZero() bool { return r.c == nil }

// String is the text that was parsed, with white space folded.
func (r Range) String() string { return r.text }

// MarshalText writes the text form.
func (r Range) MarshalText() ([]byte, error) { return []byte(r.text), nil }

// UnmarshalText reads as ParseRange does.
func (r *Range) UnmarshalText(b []byte) error {
	p, err := ParseRange(string(b))
	if err == nil {
		*r = p
	}
	return err
}
