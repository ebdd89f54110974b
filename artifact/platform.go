package artifact

import (
	"fmt"
	"strings"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// A Platform is an operating system and architecture in Go's words, with an
// optional variant: "linux/amd64", "linux/arm/v7". The zero Platform means
// "not asked" in a question and "any" in an answer.
type Platform struct{ os, arch, variant string }

// ParsePlatform parses s. "x86_64" and "aarch64" are read as amd64 and arm64,
// and the variant v8 of arm64, which is the only one, is dropped. Errors wrap
// ErrInvalid and quote s.
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
	if p.arch == "arm64" && p.variant == "v8" {
		p.variant = ""
	}
	return p
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
// built. Anything runs what was built for any platform; an arm machine runs
// lower variants; a question without variant takes every variant.
func (p Platform) Runs(built Platform) bool {
	switch {
	case built.IsZero() || p.IsZero():
		return true
	case p.os != built.os || p.arch != built.arch:
		return false
	case built.variant == "" || p.variant == "" || p.variant == built.variant:
		return true
	}
	return p.arch == "arm" && built.variant <= p.variant
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
