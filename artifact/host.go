package artifact

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// A HostID names an application that loads plugins, such as "acme-editor".
// The zero HostID is invalid.
type HostID struct{ id string }

// ParseHostID parses s by the grammar in the package comment. Errors wrap
// ErrInvalid and quote s.
func ParseHostID(s string) (HostID, error) {
	if s == "" || len(s) > 64 {
		return HostID{}, fmt.Errorf("host id %q: %d bytes, expected 1 to 64: %w", s, len(s), ErrInvalid)
	}
	sep := true // a separator may neither begin, end nor repeat
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isLower(c) || isDigit(c):
			sep = false
		case (c == '-' || c == '.' || c == '_') && !sep:
			sep = true
		default:
			return HostID{}, fmt.Errorf("host id %q: expected a-z and 0-9 with single \"-\", \".\" or \"_\" between: %w", s, ErrInvalid)
		}
	}
	if sep {
		return HostID{}, fmt.Errorf("host id %q: must not end with a separator: %w", s, ErrInvalid)
	}
	return HostID{s}, nil
}

// String is the id.
func (h HostID) String() string { return h.id }

// IsZero reports whether h is the invalid zero HostID.
func (h HostID) IsZero() bool { return h.id == "" }

// MarshalText writes the id.
func (h HostID) MarshalText() ([]byte, error) { return []byte(h.id), nil }

// UnmarshalText reads as ParseHostID does.
func (h *HostID) UnmarshalText(b []byte) error {
	p, err := ParseHostID(string(b))
	if err == nil {
		*h = p
	}
	return err
}

// A HostVersion is the version that a host says it runs. Unlike a Version it
// is forgiving: "v1", "1.2" and "1.2.3-rc.1" are all understood. The zero
// HostVersion is invalid.
type HostVersion struct{ v *semver.Version }

// ParseHostVersion parses s. Errors wrap ErrInvalid and quote s.
func ParseHostVersion(s string) (HostVersion, error) {
	text := strings.TrimSpace(s)
	if len(text) > maxTag {
		return HostVersion{}, fmt.Errorf("host version %.40q…: %d bytes, expected at most %d: %w", s, len(s), maxTag, ErrInvalid)
	}
	v, err := semver.NewVersion(text)
	if err != nil {
		return HostVersion{}, fmt.Errorf("host version %q: expected SemVer such as 2.1.0, 2.1 or v2: %w", s, ErrInvalid)
	}
	return HostVersion{v}, nil
}

// String is the complete SemVer text, whatever was left out when parsed.
func (h HostVersion) String() string {
	if h.v == nil {
		return ""
	}
	return h.v.String()
}

// IsZero reports whether h is the invalid zero HostVersion.
func (h HostVersion) IsZero() bool { return h.v == nil }

// Compare orders by SemVer precedence.
func (h HostVersion) Compare(o HostVersion) int { return h.v.Compare(o.v) }
