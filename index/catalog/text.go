package catalog

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// tokens are the words of a question, folded: lower case, without accents,
// compatible forms made equal. A word is a run of letters and digits, with
// what makes it another word: "c++", "c#", ".net". Text without spaces between
// its words is cut in another way:
//
//   - an ideograph or kana is a word of its own;
//   - Hangul, whose words carry their particles, into pairs of syllables;
//   - Thai, Lao, Khmer and Burmese into triples of letters.
func tokens(s string) []string {
	return scan(s, func(out []string, run []rune, n int) []string {
		for i := 0; i == 0 || i+n <= len(run); i++ {
			out = append(out, string(run[i:min(i+n, len(run))]))
		}
		return out
	})
}

// docTokens are the words that a plugin is found by: tokens, what ends a run
// of Hangul or Thai, and words without their signs, so that "c" finds "c++".
func docTokens(s string) []string {
	out := scan(s, func(out []string, run []rune, n int) []string {
		for i := range run {
			out = append(out, string(run[i:min(i+n, len(run))]))
		}
		return out
	})
	for _, w := range out {
		if bare := strings.TrimRight(strings.TrimLeft(w, "."), "+#"); bare != w {
			out = append(out, bare)
		}
	}
	return out
}

// scan cuts s into words. grams appends the pieces of at most n letters of a
// run that has no spaces.
func scan(s string, grams func(out []string, run []rune, n int) []string) []string {
	if isASCII(s) {
		return asciiTokens(strings.ToLower(s))
	}
	var out []string
	runes := []rune(fold(s))
	for i := 0; i < len(runes); {
		if at := i + boolInt(runes[i] == '.'); at > i {
			if at == len(runes) || !unicode.IsLetter(runes[at]) || gramOf(runes[at]) > 0 || i > 0 && gramOf(runes[i-1]) == 0 && inWord(runes[i-1]) {
				i++
				continue
			}
			end := endOf(runes, at, 0)
			out, i = append(out, cut(string(runes[i:end]))), end
			continue
		}
		n := gramOf(runes[i])
		if n == 0 && !inWord(runes[i]) {
			i++
			continue
		}
		end := endOf(runes, i, n)
		switch n {
		case 0:
			end = withSign(runes, end)
			out = append(out, cut(string(runes[i:end])))
		default:
			out = grams(out, runes[i:end], n)
		}
		i = end
	}
	return out
}

// endOf is where a run of one kind ends: n is the gramOf its letters.
func endOf(runes []rune, from, n int) int {
	end := from + 1
	for n != 1 && end < len(runes) && (gramOf(runes[end]) == n || unicode.IsMark(runes[end])) && (n > 0 || inWord(runes[end])) {
		end++
	}
	return end
}

// withSign is the end of a word that ends at end, with the signs that belong
// to it: "++" and "#" that no letter follows.
func withSign(runes []rune, end int) int {
	to := end
	for to < len(runes) && (runes[to] == '+' || runes[to] == '#') {
		to++
	}
	if to < len(runes) && inWord(runes[to]) {
		return end
	}
	return to
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// gramOf is how many letters of r's script are looked for together where words
// have no spaces between; 0 where they have.
func gramOf(r rune) int {
	switch {
	case r < 0x0e00:
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
		return 1
	case unicode.Is(unicode.Hangul, r):
		return 2
	case unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) && inWord(r):
		return 3
	}
	return 0
}

// isPiece reports whether word is shorter than what its script is cut into, so
// that it may be the beginning of more.
func isPiece(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	n := gramOf(r)
	return n > 1 && utf8.RuneCountInString(word) < n
}

// asciiTokens is scan for the usual text, which is folded already.
func asciiTokens(s string) []string {
	out := make([]string, 0, len(s)/6+1)
	start := -1
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch word := isWordByte(c); {
		case word && start < 0:
			start = i
			if i > 0 && s[i-1] == '.' && c > '9' && (i == 1 || !isWordByte(s[i-2])) {
				start--
			}
		case !word && start >= 0:
			end := i
			for end < len(s) && (s[end] == '+' || s[end] == '#') {
				end++
			}
			if end == len(s) || !isWordByte(s[end]) {
				i = max(i, end-1)
			} else {
				end = i
			}
			out, start = append(out, cut(s[start:end])), -1
		}
	}
	if start >= 0 {
		out = append(out, cut(s[start:]))
	}
	return out
}

func isWordByte(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// plurals are the words that word is the plural or the singular of, as far as
// spelling tells in English.
func plurals(word string) []string {
	n := len(word)
	if n < 3 || !isASCII(word) || !isWordByte(word[n-1]) || word[n-1] <= '9' {
		return nil
	}
	ends := func(with ...string) bool {
		return slices.ContainsFunc(with, func(e string) bool { return strings.HasSuffix(word, e) })
	}
	switch {
	case ends("ies") && n > 4:
		return []string{word[:n-3] + "y", word[:n-1]}
	case ends("sses", "shes", "ches", "xes", "zes"):
		return []string{word[:n-2], word[:n-1]}
	case ends("ss", "sh", "ch", "x", "z"), ends("us", "is"):
		return []string{word + "es"}
	case ends("s"):
		return []string{word[:n-1]}
	case ends("y") && !ends("ay", "ey", "oy", "uy"):
		return []string{word[:n-1] + "ies", word + "s"}
	}
	return []string{word + "s"}
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

// accents are the scripts whose marks may be left out in writing; in others, as
// in Thai, marks are vowels. Inherited holds what is put on Latin letters.
var accents = []*unicode.RangeTable{unicode.Inherited, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic}

func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if !unicode.Is(unicode.Mn, r) || !unicode.In(r, accents...) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return norm.NFC.String(b.String()) // Hangul as syllables again
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
	nearPlural   = 14
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
		for _, w := range docTokens(text) {
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
