package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A spoken word is a retired word as a message says it: an error, a help text,
// a description of the API, a line of the log.
type spoken struct {
	word  *regexp.Regexp
	means string   // the meaning that it keeps
	rooms []string // the packages and files that may say it
}

var spokenWords = []spoken{
	{regexp.MustCompile(`(?i)\bset(s|ting)?( \w+)? aside\b`), "what the collector does to a link; bytes go into quarantine, or are marked",
		[]string{"registry/gc", "registry/storage", "cmd/internal/cli/gc.go", "index/api/collect.go"}},
	{regexp.MustCompile(`(?i)\bjudge(s|d|ment|ments)?\b`), "what policy does; others verify, check, admit", []string{"policy", "index", "cmd", "scripts", "examples"}},
	{regexp.MustCompile(`(?i)\b(mend|mends|mending)\b`), "nothing: fix; mended is a word of the API", nil},
	{regexp.MustCompile(`(?i)\b(condemn|condemns|condemned|doomed)\b`), "nothing: set aside, marked", nil},
	{regexp.MustCompile(`(?i)\b(spares?|spared)\b`), "nothing: unmark", nil},
	{regexp.MustCompile(`(?i)\bsight\b`), "nothing: visibility", nil},
	{regexp.MustCompile(`(?i)\b(desk|keeper)s?\b`), "nothing", nil},
}

// TestMessagesSayARetiredWordNowhere: what people read goes by the same words as
// the code.
func TestMessagesSayARetiredWordNowhere(t *testing.T) {
	t.Parallel()
	texts := 0
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, text := range textsOf(f) {
			texts++
			for _, offence := range misspoken(path, text) {
				t.Errorf("%s: %s", path, offence)
			}
		}
	})
	if texts < 10_000 {
		t.Errorf("%d texts were read", texts)
	}
}

// TestARetiredWordOfAMessageIsSeen: each is found where it must not be, and let
// through where it may.
func TestARetiredWordOfAMessageIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		path     string
		offences int
	}{
		`"%s is damaged and set aside: %s"`:              {"cmd/internal/derive/withheld.go", 1},
		`"what nothing reaches is set aside"`:            {"registry/gc/report.go", 0},
		`"a run would set it aside"`:                     {"registry/gc/repository.go", 0},
		`"Sets aside what nothing reaches"`:              {"index/api/upkeep.go", 1},
		"`json:\"blobs_set_aside\"`":                     {"index/collect.go", 0},
		`"the registry judges nothing"`:                  {"registry/errors.go", 1},
		`"the server judges anew"`:                       {"cmd/internal/cli/policy.go", 0},
		`"push it again to mend it" + "or spare it"`:     {"registry/block/put.go", 2},
		"`json:\"mended\" doc:\"How it was mended.\"`":   {"index/admin.go", 0},
		`"_condemned/" + "a recommended, spared desk"`:   {"registry/storage/driver/path.go", 2},
		`"out of " + "sight", "transparency", "doomed"`:  {"index/api/page.go", 2},
		`"the keeper of the house" + "housekeeper said"`: {"index/api/page.go", 1},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nimport \"example.com/judge/desk\"\nvar _ = []any{"+text+"}", 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, text := range textsOf(f) {
			got = append(got, misspoken(want.path, text)...)
		}
		if len(got) != want.offences {
			t.Errorf("%s in %s: %d offences, expected %d: %v", text, want.path, len(got), want.offences, got)
		}
	}
}

// textsOf are the strings that f holds, those of its imports aside.
func textsOf(f *ast.File) (all []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				all = append(all, n.Value)
			}
		}
		return true
	})
	return all
}

// misspoken says which retired words text of the file at path holds.
func misspoken(path, text string) (offences []string) {
	for _, w := range spokenWords {
		may := slices.ContainsFunc(w.rooms, func(room string) bool { return path == room || under(filepath.ToSlash(filepath.Dir(path)), room) })
		if found := w.word.FindString(text); found != "" && !may {
			offences = append(offences, text+" says "+found+": the word means "+w.means)
		}
	}
	return offences
}
