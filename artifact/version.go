package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// A Version is a plugin version by SemVer 2.0.0: all three numbers, no leading
// "v". The zero Version is invalid.
type Version struct{ v *semver.Version }

// maxTag is the longest tag of OCI distribution-spec 1.1 in bytes.
const maxTag = 128

// ParseVersion parses s strictly. Errors wrap ErrInvalid and quote s.
func ParseVersion(s string) (Version, error) {
	if len(s) > maxTag {
		return Version{}, fmt.Errorf("version %.40q…: %d bytes, expected at most %d: %w", s, len(s), maxTag, ErrInvalid)
	}
	v, err := semver.StrictNewVersion(s)
	if err != nil {
		return Version{}, fmt.Errorf("version %q: expected SemVer such as 1.2.3 or 1.2.3-beta.1 (no leading v): %w", s, ErrInvalid)
	}
	for part := range strings.SplitSeq(v.Prerelease(), ".") {
		if hugeNumber(part) {
			return Version{}, fmt.Errorf("version %q: prerelease part %q is beyond 64 bits, so it has no safe order: %w", s, part, ErrInvalid)
		}
	}
	return Version{v}, nil
}

// hugeNumber reports whether s is a number that the SemVer library would
// compare as text.
func hugeNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return errors.Is(err, strconv.ErrRange)
}

// ParseVersionTag parses the tag form, in which "+" is written "_".
func ParseVersionTag(tag string) (Version, error) {
	if strings.Contains(tag, "+") {
		return Version{}, fmt.Errorf("version tag %q: \"+\" is written \"_\" in a tag: %w", tag, ErrInvalid)
	}
	v, err := ParseVersion(strings.Replace(tag, "_", "+", 1))
	if err != nil {
		return Version{}, fmt.Errorf("version tag %.128q: %w", tag, err)
	}
	return v, nil
}

// Tag is the version as an OCI tag: "+" becomes "_".
func (v Version) Tag() string { return strings.Replace(v.String(), "+", "_", 1) }

// String is the SemVer text, or "" for the zero Version.
func (v Version) String() string {
	if v.v == nil {
		return ""
	}
	return v.v.Original()
}

// IsZero reports whether v is the invalid zero Version.
func (v Version) IsZero() bool { return v.v == nil }

// IsPrerelease reports whether v has a prerelease part.
func (v Version) IsPrerelease() bool { return v.v != nil && v.v.Prerelease() != "" }

// Major is the first number.
func (v Version) Major() uint64 { return v.v.Major() }

// Minor is the second number.
func (v Version) Minor() uint64 { return v.v.Minor() }

// Patch is the third number.
func (v Version) Patch() uint64 { return v.v.Patch() }

// SemVer is the library's value, for resolving. It must not be changed.
func (v Version) SemVer() *semver.Version { return v.v }

// Compare orders by SemVer precedence and, where that ties, by build metadata,
// so that the order is total and the same everywhere: no metadata first, then
// identifier by identifier as SemVer orders those of a prerelease, so that
// 1.0.0+9 comes before 1.0.0+10. The zero Version comes first.
func (v Version) Compare(o Version) int {
	switch {
	case v.v == nil && o.v == nil:
		return 0
	case v.v == nil:
		return -1
	case o.v == nil:
		return 1
	}
	if c := v.v.Compare(o.v); c != 0 {
		return c
	}
	return compareBuilds(v.v.Metadata(), o.v.Metadata())
}

// compareBuilds orders build metadata. Identifiers of digits alone are
// numbers of any size and come before others; what is still equal, such as 1
// and 01, is ordered as text.
func compareBuilds(a, b string) int {
	if a == b {
		return 0
	}
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if c := compareIdentifiers(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return cmp.Or(cmp.Compare(len(as), len(bs)), strings.Compare(a, b))
}

func compareIdentifiers(a, b string) int {
	n, m := digits(a), digits(b)
	switch {
	case n && m:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	case n:
		return -1
	case m:
		return 1
	}
	return strings.Compare(a, b)
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// MarshalText writes the SemVer text.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads as ParseVersion does.
func (v *Version) UnmarshalText(b []byte) error {
	p, err := ParseVersion(string(b))
	if err == nil {
		*v = p
	}
	return err
}
