package pack

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Proves A7: for every character, what full case folding takes for the same is
// the same here, so no two files of a plugin become one on any file system.
func TestFoldIsFullCaseFolding(t *testing.T) {
	t.Parallel()
	full := cases.Fold()
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		s := string(r)
		for _, same := range []string{full.String(s), norm.NFD.String(s), norm.NFC.String(s)} {
			if fold(s) != fold(same) {
				t.Errorf("%U: %q folds to %q, and %q to %q", r, s, fold(s), same, fold(same))
			}
		}
	}
	for _, pair := range [][2]string{{"Straße", "STRASSE"}, {"ﬁle", "FILE"}, {".gi\u200ct", ".git"}, {"K", "\u212a"}, {"é", "e\u0301"}} {
		if fold(pair[0]) != fold(pair[1]) {
			t.Errorf("%q and %q fold to %q and %q", pair[0], pair[1], fold(pair[0]), fold(pair[1]))
		}
	}
	if fold("ı") == fold("i") {
		t.Error("the dotless i is a letter of its own")
	}
}
