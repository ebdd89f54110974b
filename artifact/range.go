package artifact

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// A Range is a set of versions such as ">=1.2 <3 || ^4.1". The zero Range
// holds nothing; ParseRange is the only way to a valid one.
type Range struct {
	text string
	c    *semver.Constraints // by the usual rule: a prerelease only where the range names one
	pre  *semver.Constraints // the same with prereleases let in by precedence
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
	return Range{text, c, pre}, nil
}

// Contains reports whether v lies in r. A prerelease lies in r only where r
// itself names a prerelease or prerelease is true.
func (r Range) Contains(v Version, prerelease bool) bool {
	if r.c == nil || v.v == nil {
		return false
	}
	if prerelease {
		return r.pre.Check(v.v)
	}
	return r.c.Check(v.v)
}

// ContainsHost reports whether a host at h is inside r. A host that runs a
// prerelease is placed by SemVer precedence: 2.0.0-rc.1 is inside ">=1 <3",
// outside ">=2.0.0", and outside "^1.4".
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
