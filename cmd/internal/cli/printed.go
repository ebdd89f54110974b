package cli

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What others wrote (publishers, registries, servers) is printed by this file
// alone, so that none of it steers a terminal, shows another text than is there
// (Trojan Source, CVE-2021-42574), or looks like a line that oarlock wrote.

// steers reports whether r drives a terminal or turns the direction of writing.
func steers(r rune) bool {
	switch {
	case unicode.IsControl(r), r == utf8.RuneError:
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // embeddings, overrides, isolates
	case r == '\u200e', r == '\u200f', r == '\u061c': // marks of direction
	case r == '\u2028', r == '\u2029': // other line breaks
	case r == '\ufeff', r >= 0xe0000 && r <= 0xe007f: // what nobody sees
	default:
		return false
	}
	return true
}

// line makes one line of s, for a cell of a table or a value within a sentence.
func line(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case steers(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

// lines is s with its line breaks and tabs, and nothing else that steers.
func lines(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && steers(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// indented is lines, of which all but the first begin with two spaces at least,
// as no line of a table and no error of oarlock does.
func indented(s string) string {
	all := strings.Split(lines(s), "\n")
	for i, one := range all[1:] {
		if one != "" && !strings.HasPrefix(one, "  ") {
			all[i+1] = "  " + one
		}
	}
	return strings.Join(all, "\n")
}

// cells are values for a sentence, each of one line.
func cells(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch v := a.(type) {
		case string:
			out[i] = line(v)
		case error:
			out[i] = line(v.Error())
		case fmt.Stringer:
			out[i] = line(v.String())
		default:
			out[i] = a
		}
	}
	return out
}

// short is the first line of s, cut to n characters.
func short(s string, n int) string {
	s, _, _ = strings.Cut(s, "\n")
	r := []rune(line(s))
	if len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return string(r)
}

// escaped writes what steers as escapes, which JSON, and YAML in double quotes,
// read as the same text. encoding/json leaves DEL, C1 and the marks of
// direction as they are.
func escaped(raw []byte, yaml bool) []byte {
	if !bytes.ContainsFunc(raw, func(r rune) bool { return r != '\n' && steers(r) }) {
		return raw
	}
	var out bytes.Buffer
	for _, r := range string(raw) {
		switch {
		case r == '\n' || !steers(r):
			out.WriteRune(r)
		case r > 0xffff && yaml:
			fmt.Fprintf(&out, `\U%08x`, r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.Bytes()
}
