package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// tokens are the words of s, folded: lower case, without accents, compatible
// forms made equal. A word is a run of letters and digits; an ideograph or
// kana is a word of its own, because such text has no spaces.
func tokens(s string) []string {
	if isASCII(s) {
		return asciiTokens(strings.ToLower(s))
	}
	var out []string
	start := -1
	flush := func(end int) {
		if start >= 0 {
			out = append(out, cut(s[start:end]))
			start = -1
		}
	}
	s = fold(s)
	for i, r := range s {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			flush(i)
			out = append(out, s[i:i+utf8.RuneLen(r)])
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			if start < 0 {
				start = i
			}
		default:
			flush(i)
		}
	}
	flush(len(s))
	return out
}

// asciiTokens is tokens for the usual text, which is folded already.
func asciiTokens(s string) []string {
	out := make([]string, 0, len(s)/6+1)
	start := -1
	for i := range len(s) {
		c := s[i]
		word := c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
		switch {
		case word && start < 0:
			start = i
		case !word && start >= 0:
			out, start = append(out, cut(s[start:i])), -1
		}
	}
	if start >= 0 {
		out = append(out, cut(s[start:]))
	}
	return out
}

// maxWord is how many bytes of a word count.
const maxWord = 64

func cut(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// phrase is the words of s with single spaces between.
func phrase(s string) string { return strings.Join(tokens(s), " ") }

// Where in a plugin a word stands. A word that stands in several places counts
// for the best of them.
const (
	inDescription = 1 << iota
	inPublisher
	inKeywords
	inName // title, or the plugin part of the id
)

// weightOf says how much a word counts by its best place.
func weightOf(places uint8) int {
	switch {
	case places&inName != 0:
		return 16
	case places&inKeywords != 0:
		return 8
	case places&inPublisher != 0:
		return 6
	case places&inDescription != 0:
		return 3
	}
	return 0
}

// How near a word of the question is to a word of a plugin.
const (
	nearExact    = 16
	nearPrefix   = 10
	nearOneTypo  = 6
	nearTwoTypos = 3
)

// What a plugin gets whose whole name is what was asked for, or begins with it.
const (
	bonusExact  = 4096
	bonusPrefix = 1024
)

// A doc is what text search knows of one plugin.
type doc struct {
	words map[string]uint8 // word → places
}

// docOf reads the words of p from its face.
func docOf(p *Plugin, face *Version) doc {
	d := doc{words: map[string]uint8{}}
	add := func(place uint8, text string) {
		for _, w := range tokens(text) {
			d.words[w] |= place
		}
	}
	add(inName, p.ID.Plugin())
	add(inPublisher, p.ID.Publisher())
	if m := face.Plugin; m != nil {
		add(inName, m.Title)
		for _, k := range slices.Concat(m.Keywords, m.Categories) {
			add(inKeywords, k)
		}
		add(inDescription, m.Description)
	}
	return d
}

// typos is how many edits are forgiven in word.
func typos(word string) int {
	switch n := utf8.RuneCountInString(word); {
	case n >= 8:
		return 2
	case n >= 4:
		return 1
	}
	return 0
}
