package artifact

import (
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// mentioned finds the versions that a range names, whole or in part.
var mentioned = regexp.MustCompile(`\d+(?:\.\d+){0,2}(?:-[0-9A-Za-z.-]+)?`)

// Satisfiable reports whether any version lies in r. A range is made of
// intervals whose ends are versions that it names, or the next ones after
// them, so those are tried, with the first prerelease of each.
func (r Range) Satisfiable() bool {
	if r.c == nil {
		return false
	}
	for _, text := range append(mentioned.FindAllString(r.text, -1), "0.0.0") {
		v, err := semver.NewVersion(strings.TrimRight(text, "-."))
		if err != nil {
			continue
		}
		for _, next := range []semver.Version{*v, v.IncPatch(), v.IncMinor(), v.IncMajor()} {
			if r.c.Check(&next) || r.pre.Check(&next) {
				return true
			}
			if next.Prerelease() != "" || next.Major()+next.Minor()+next.Patch() == 0 {
				continue // nothing is published before 0.0.0
			}
			if first, err := next.SetPrerelease("0"); err == nil && r.pre.Check(&first) {
				return true
			}
		}
	}
	return false
}

// hyphened is a hyphen range without the spaces that make it one.
var hyphened = regexp.MustCompile(`^[=\s]*v?(\d+(?:\.\d+){0,2})-(\d+(?:\.\d+){1,2})$`)

// Slip says which part of r means something else than it looks like: a hyphen
// range without spaces, "1.0.0-2.0.0", is the one version 1.0.0 with the
// prerelease "2.0.0". meant is the range with spaces; "" for none.
func (r Range) Slip() (part, meant string) {
	for part := range strings.SplitSeq(r.text, "||") {
		part = strings.TrimSpace(part)
		if m := hyphened.FindStringSubmatch(part); m != nil {
			return part, m[1] + " - " + m[2]
		}
	}
	return "", ""
}
