package artifact

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSegment is the longest file name that common file systems take, in bytes.
const maxSegment = 255

// PortablePath says why the path p, with forward slashes, cannot be written as
// it is on every operating system; nil where it can. It refuses what SafePath
// refuses, and what Windows cannot have: the names of devices (aux, con.txt),
// a dot or space at the end, any of <>:"|?*; and characters that nobody sees,
// such as controls and those that turn the direction of writing. Errors wrap
// ErrInvalid.
//
// Source: learn.microsoft.com/windows/win32/fileio/naming-a-file.
func PortablePath(p string) error {
	if !SafePath(p) {
		return fmt.Errorf("%.200q: expected a relative path inside the plugin, with forward slashes: %w", p, ErrInvalid)
	}
	for segment := range strings.SplitSeq(p, "/") {
		if why := unportable(segment); why != "" {
			return fmt.Errorf("%.200q: %s: %w", p, why, ErrInvalid)
		}
	}
	return nil
}

func unportable(segment string) string {
	if segment == "" || segment == "." {
		return ""
	}
	if len(segment) > maxSegment {
		return fmt.Sprintf("a name of %d bytes, expected at most %d", len(segment), maxSegment)
	}
	if !utf8.ValidString(segment) {
		return "a name that is not valid UTF-8"
	}
	for _, r := range segment {
		switch {
		case strings.ContainsRune(`<>:"|?*`, r):
			return fmt.Sprintf("%q cannot be in a file name on Windows", r)
		case unicode.Is(unicode.C, r), r == '\u2028', r == '\u2029':
			return fmt.Sprintf("the character %U cannot be seen", r)
		}
	}
	if last := segment[len(segment)-1]; last == '.' || last == ' ' {
		return fmt.Sprintf("Windows drops the %q at the end of a name", last)
	}
	if isDevice(segment) {
		return fmt.Sprintf("%q is the name of a device on Windows, with any extension", segment)
	}
	return ""
}

// isDevice holds for names that Windows takes for a device whatever stands
// behind the first dot.
func isDevice(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	port, ok := strings.CutPrefix(base, "COM")
	if !ok {
		port, ok = strings.CutPrefix(base, "LPT")
	}
	return ok && utf8.RuneCountInString(port) == 1 && strings.Contains("0123456789¹²³", port)
}

// unprintable says which character of s does not belong into a text that
// people read; "" for none. Controls could drive a terminal, and embeddings
// and overrides of direction show another text than the one that is there
// (Trojan Source, CVE-2021-42574). lines lets line breaks and tabs through.
func unprintable(s string, lines bool) string {
	if !utf8.ValidString(s) {
		return "not valid UTF-8"
	}
	for i, r := range s {
		switch {
		case r == '\n', r == '\r', r == '\t':
			if !lines {
				return fmt.Sprintf("the control character %U at byte %d, expected one line of text", r, i)
			}
		case unicode.IsControl(r), !lines && (r == '\u2028' || r == '\u2029'):
			return fmt.Sprintf("the control character %U at byte %d", r, i)
		case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return fmt.Sprintf("the character %U at byte %d, which turns the direction of writing", r, i)
		}
	}
	return ""
}

// CheckText holds a text of several lines that people read to what a terminal
// and a page can show as it is, and to a length in bytes. Errors wrap ErrInvalid.
func CheckText(s string, most int) error {
	if len(s) > most {
		return fmt.Errorf("text of %d bytes, expected at most %d: %w", len(s), most, ErrInvalid)
	}
	if odd := unprintable(s, true); odd != "" {
		return fmt.Errorf("text: %s: %w", odd, ErrInvalid)
	}
	return nil
}
