package artifact

import (
	"fmt"
	"strings"
)

// A Name identifies a plugin, "<publisher>/<plugin>", which is also its
// repository. The zero Name is invalid; ParseName is the only way to a valid one.
type Name struct{ publisher, plugin string }

// ReservedPublisher is the namespace that only the registry itself writes.
const ReservedPublisher = "oarlock"

// ParseName parses s by the grammar in the package comment. Errors wrap
// ErrInvalid and quote s.
func ParseName(s string) (Name, error) {
	publisher, plugin, ok := strings.Cut(s, "/")
	if !ok || strings.Contains(plugin, "/") {
		return Name{}, fmt.Errorf("plugin name %q: expected <publisher>/<plugin>: %w", s, ErrInvalid)
	}
	if err := CheckSegment(publisher); err != nil {
		return Name{}, fmt.Errorf("plugin name %q: publisher: %w", s, err)
	}
	if err := CheckSegment(plugin); err != nil {
		return Name{}, fmt.Errorf("plugin name %q: plugin: %w", s, err)
	}
	return Name{publisher, plugin}, nil
}

// CheckSegment reports whether s may stand on either side of the slash in a
// Name. Errors wrap ErrInvalid.
func CheckSegment(s string) error {
	switch {
	case len(s) < 2 || len(s) > 64:
		return fmt.Errorf("%q has %d bytes, expected 2 to 64: %w", s, len(s), ErrInvalid)
	case s[0] < 'a' || s[0] > 'z':
		return fmt.Errorf("%q must begin with a letter a-z: %w", s, ErrInvalid)
	case s[len(s)-1] == '-':
		return fmt.Errorf("%q must not end with \"-\": %w", s, ErrInvalid)
	case strings.Contains(s, "--"):
		return fmt.Errorf("%q must not contain \"--\": %w", s, ErrInvalid)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '-' {
			return fmt.Errorf("%q may hold a-z, 0-9 and single \"-\" only: %w", s, ErrInvalid)
		}
	}
	return nil
}

// Publisher is the part before the slash.
func (n Name) Publisher() string { return n.publisher }

// Plugin is the part after the slash.
func (n Name) Plugin() string { return n.plugin }

// IsZero reports whether n is the invalid zero Name.
func (n Name) IsZero() bool { return n.publisher == "" }

// Reserved reports whether n lies in the registry's own namespace.
func (n Name) Reserved() bool { return n.publisher == ReservedPublisher }

// String is "<publisher>/<plugin>", or "" for the zero Name.
func (n Name) String() string {
	if n.IsZero() {
		return ""
	}
	return n.publisher + "/" + n.plugin
}

// Compare orders names by their text.
func (n Name) Compare(o Name) int {
	if c := strings.Compare(n.publisher, o.publisher); c != 0 {
		return c
	}
	return strings.Compare(n.plugin, o.plugin)
}

// MarshalText writes the text form.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads the text form as ParseName does.
func (n *Name) UnmarshalText(b []byte) error {
	p, err := ParseName(string(b))
	if err == nil {
		*n = p
	}
	return err
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
