package pack

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold maps names that one file system or another takes for the same to one:
// they differ in case, in Unicode form, or in characters that are ignored. It
// folds as ext4 and APFS do, so "ß" is "ss".
//
// Source: Unicode 15 CaseFolding.txt, full case folding (C and F).
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			continue
		}
		if several, ok := unfolded[r]; ok {
			b.WriteString(several)
		} else {
			b.WriteRune(foldRune(r))
		}
	}
	return norm.NFC.String(b.String())
}

// foldRune is the smallest rune that r folds with.
func foldRune(r rune) rune {
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// unfolded are the letters that fold to several and have no canonical
// decomposition, so NFD leaves them; each to what foldRune leaves of those.
var unfolded = map[rune]string{}

func init() {
	for r, several := range map[rune]string{
		'ß': "ss", 'ẞ': "ss", 'ŉ': "ʼn", 'և': "եւ", 'ẚ': "aʾ",
		'ﬀ': "ff", 'ﬁ': "fi", 'ﬂ': "fl", 'ﬃ': "ffi", 'ﬄ': "ffl", 'ﬅ': "st", 'ﬆ': "st",
		'ﬓ': "մն", 'ﬔ': "մե", 'ﬕ': "մի", 'ﬖ': "վն", 'ﬗ': "մխ",
	} {
		unfolded[r] = strings.Map(foldRune, several)
	}
}
