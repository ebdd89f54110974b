package notify

import (
	"strings"
	"unicode"
)

// toValid is s without what no terminal or database should be given: control
// characters, and bytes that are not UTF-8.
func toValid(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u202e' || r == '\u2066' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
