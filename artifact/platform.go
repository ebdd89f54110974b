package artifact

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Platform is an operating system and architecture in Go's words, with an
// optional variant: "linux/amd64", "linux/arm/v7". The zero Platform means
// "not asked" in a question and "any" in an answer.
type Platform struct{ os, arch, variant string }

// ParsePlatform parses s. "x86_64" and "aarch64" are read as amd64 and arm64.
// The lowest levels, v1 of amd64 and v8 of arm64, are the same as none and are
// dropped; "7" is read as "v7". Errors wrap ErrInvalid and quote s.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 2 && len(parts) != 3 {
		return Platform{}, fmt.Errorf("platform %q: expected os/arch or os/arch/variant such as linux/amd64: %w", s, ErrInvalid)
	}
	for _, p := range parts {
		if !platformWord(p) {
			return Platform{}, fmt.Errorf("platform %q: %q may hold a-z, 0-9, \"_\" and \".\", 1 to 32 bytes: %w", s, p, ErrInvalid)
		}
	}
	p := Platform{os: parts[0], arch: parts[1]}
	if len(parts) == 3 {
		p.variant = parts[2]
	}
	return p.normal(), nil
}

// PlatformOf reads an OCI platform. A nil one is the zero Platform. Errors
// wrap ErrInvalid.
func PlatformOf(p *ocispec.Platform) (Platform, error) {
	if p == nil {
		return Platform{}, nil
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return ParsePlatform(s)
}

func (p Platform) normal() Platform {
	switch p.arch {
	case "x86_64", "x86-64":
		p.arch = "amd64"
	case "aarch64":
		p.arch = "arm64"
	}
	if leveled(p.arch) {
		if p.variant != "" && digits(p.variant) {
			p.variant = "v" + p.variant
		}
		if lowest := map[string]string{"amd64": "v1", "arm64": "v8"}[p.arch]; p.variant == lowest {
			p.variant = ""
		}
	}
	return p
}

// leveled reports whether the variants of an architecture are levels, of which
// a higher one runs a lower one.
func leveled(arch string) bool { return arch == "amd64" || arch == "arm64" || arch == "arm" }

// A level is how much of an architecture a machine has, or a build needs.
type level struct{ major, minor int }

// level reads the variant of an architecture that has levels. No variant is v1
// of amd64, v8 of arm64, and v7 of arm, as containerd reads it.
func (p Platform) level() (l level, known bool) {
	if p.variant == "" {
		return map[string]level{"amd64": {1, 0}, "arm64": {8, 0}, "arm": {7, 0}}[p.arch], leveled(p.arch)
	}
	text, ok := strings.CutPrefix(p.variant, "v")
	major, minor, dotted := strings.Cut(text, ".")
	var errs [2]error
	l.major, errs[0] = strconv.Atoi(major)
	if dotted {
		l.minor, errs[1] = strconv.Atoi(minor)
	}
	return l, ok && leveled(p.arch) && errs[0] == nil && errs[1] == nil
}

// runs reports whether what has l runs what needs o. Armv9.n has all of Armv8.(n+5).
func (l level) runs(o level, arch string) bool {
	switch {
	case l.major == o.major:
		return l.minor >= o.minor
	case arch == "arm64":
		return l.major == 9 && o.major == 8 && o.minor <= l.minor+5
	}
	return l.major > o.major
}

func platformWord(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

// OS is the operating system.
func (p Platform) OS() string { return p.os }

// Arch is the architecture.
func (p Platform) Arch() string { return p.arch }

// Variant is the variant of the architecture, often empty.
func (p Platform) Variant() string { return p.variant }

// IsZero reports whether p is the zero Platform.
func (p Platform) IsZero() bool { return p.os == "" }

// OCI is p as the image-spec writes it; nil for the zero Platform.
func (p Platform) OCI() *ocispec.Platform {
	if p.IsZero() {
		return nil
	}
	return &ocispec.Platform{OS: p.os, Architecture: p.arch, Variant: p.variant}
}

// Runs reports whether a machine of platform p can run what was built for
// built. Anything runs what was built for any platform. On amd64, arm64 and arm
// variants are levels: a machine runs its own and lower ones, and one that names
// none has the lowest (of arm v7). On other architectures a question without
// variant takes every variant, and a build without one runs on every variant.
func (p Platform) Runs(built Platform) bool {
	switch {
	case built.IsZero() || p.IsZero():
		return true
	case p.os != built.os || p.arch != built.arch:
		return false
	case built.variant == "" || p.variant == built.variant:
		return true
	case !leveled(p.arch):
		return p.variant == ""
	}
	has, known := p.level()
	needs, said := built.level()
	return known && said && has.runs(needs, p.arch)
}

// Better compares two builds that p runs: positive where a is the better one.
// That is p's own platform, then the highest level, then one without variant,
// then one for any platform.
func (p Platform) Better(a, b Platform) int {
	switch {
	case a == b:
		return 0
	case a == p:
		return 1
	case b == p:
		return -1
	case a.IsZero() || b.IsZero() || a.variant == "" || b.variant == "":
		return a.Compare(b) // the shorter is the more general
	}
	x, _ := a.level()
	y, _ := b.level()
	return cmp.Or(cmp.Compare(x.major, y.major), cmp.Compare(x.minor, y.minor), a.Compare(b))
}

// Compare orders by os, arch and variant.
func (p Platform) Compare(o Platform) int { return strings.Compare(p.String(), o.String()) }

// String is os/arch[/variant], or "" for the zero Platform.
func (p Platform) String() string {
	switch {
	case p.IsZero():
		return ""
	case p.variant == "":
		return p.os + "/" + p.arch
	}
	return p.os + "/" + p.arch + "/" + p.variant
}

// MarshalText writes the text form.
func (p Platform) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads as ParsePlatform does; empty text is the zero Platform.
func (p *Platform) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = Platform{}
		return nil
	}
	q, err := ParsePlatform(string(b))
	if err == nil {
		*p = q
	}
	return err
}
