package arrows_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/scripts/arrows"
)

// A retired word had several meanings. It keeps one at most; where that is, in
// allows.
type retired struct {
	word   *regexp.Regexp // of a declared name, in its parts
	means  string         // the meaning that it keeps
	allows func(dir string, d declared) bool
}

// declared is a name that a file declares for more than one function: a type, a
// function, a method, a field, a constant or a variable of a package.
type declared struct {
	name, kind, of string // of is the type of a field as it is written
}

// words are the names that once meant several things, with what they mean now.
var words = []retired{
	{part("judge"), "policy's own: it judges; others verify, check, admit", func(dir string, d declared) bool {
		return under(dir, "policy") || d.kind == "field" && strings.HasSuffix(d.of, ".Judge")
	}},
	{part("aside"), "set aside: what the collector does to a link; bytes go into quarantine, or are marked", func(dir string, d declared) bool {
		collector := under(dir, "registry/gc") || under(dir, "registry/storage")
		report := d.name == "ManifestsSetAside" || d.name == "BlobsSetAside" && !under(dir, "registry") // JSON words
		return strings.Contains(strings.ToLower(d.name), "setaside") && (collector || report) && d.name != "SetAside" && (report || d.name != "BlobsSetAside") || d.kind == "method" && under(dir, "registry/gc")
	}},
	{part("sentence"), "the JSON word of a step for people", func(_ string, d declared) bool { return d.kind == "field" && d.name == "Sentence" }},
	{part("seen"), "the set of what a walk has met", func(_ string, d declared) bool {
		return d.kind == "field" && d.name == "seen" && regexp.MustCompile(`^(map\[|\[\]|bitset$)`).MatchString(d.of)
	}},
	{part("sources?"), "a registry that is read from, or the name of one", func(dir string, d declared) bool {
		return under(dir, "index") || under(dir, "registry/mirror") || under(dir, "scripts")
	}},
	{part("facts?"), "the answer to a question about a resource: yes, no or not known", func(dir string, _ declared) bool {
		return under(dir, "index/auth")
	}},
	{part("spared?"), "nothing: unmark", nil},
	{part("condemned|doomed"), "nothing: set aside, marked", nil},
	{part("sight"), "nothing: visibility", nil},
	{part("desk|keeper"), "nothing", nil},
}

// part matches a name that has word as one of its parts: JudgeBy, reJudge, a_judge.
func part(word string) *regexp.Regexp {
	title := "(?:" + strings.Join(titles(word), "|") + ")"
	return regexp.MustCompile(`^(?:` + word + `)(?:[A-Z_0-9]|s$|s[A-Z]|$)|` + title + `(?:[A-Z_0-9]|s$|s[A-Z]|$)`)
}

func titles(word string) (out []string) {
	for one := range strings.SplitSeq(word, "|") {
		out = append(out, strings.ToUpper(one[:1])+one[1:])
	}
	return out
}

func under(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

// TestOneWordOneThing: a word that meant several things is declared only where
// it means the one that it kept.
func TestOneWordOneThing(t *testing.T) {
	t.Parallel()
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, d := range declaredBy(f) {
			for _, offence := range offends(filepath.ToSlash(filepath.Dir(path)), d) {
				t.Errorf("%s: %s", path, offence)
			}
		}
	})
}

// TestARetiredWordIsSeen: each word is found where it must not be, and let
// through where it may.
func TestARetiredWordIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		dir      string
		offences int
	}{
		"type Judge interface{}":                       {"index/ingest", 1},
		"type LedgerJudge interface{}":                 {"registry", 1},
		"func (*T) rejudge() {}; type T struct{}":      {"index/ingest", 0}, // a part begins with a capital
		"func JudgeBy() {}":                            {"cmd/internal/derive", 1},
		"type Judge struct{}":                          {"policy/attest", 0},
		"type O struct{ Judge *ledger.Judge }":         {"index/ledger", 0},
		"type O struct{ Judge Judge }":                 {"index/ingest", 1},
		"func (*S) SetAside() {}; type S struct{}":     {"registry/storage", 1},
		"func (S) SetAside() {}; type S struct{}":      {"registry/gc", 0},
		"func (L) IsSetAside() {}; type L struct{}":    {"registry/storage", 0},
		"func (*S) WhyAside() {}; type S struct{}":     {"registry/storage", 1},
		"type R struct{ BlobsSetAside int }":           {"registry/gc", 1},
		"func sentence() {}":                           {"cmd/internal/cli", 1},
		"type Step struct{ Sentence string }":          {"policy", 0},
		"func (*S) seen() {}; type S struct{}":         {"index/api", 1},
		"type g struct{ seen atomic.Int64 }":           {"registry/block", 1},
		"type w struct{ seen map[string]bool }":        {"index/ingest", 0},
		"type source struct{}":                         {"artifact/pack", 1},
		"type Source interface{}":                      {"policy/attest", 1},
		"type Source2 interface{}; type Src struct{}":  {"index", 0},
		"type facts struct{ facts []int }":             {"index/catalog", 2},
		"func FactOf() {}":                             {"index/auth", 0},
		"type Keeper interface{}":                      {"index/api", 1},
		"var spare int":                                {"registry/gc", 1},
		"const artifactType = 1; var transparency = 2": {"registry", 0},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range declaredBy(f) {
			got = append(got, offends(want.dir, d)...)
		}
		if len(got) != want.offences {
			t.Errorf("%s in %s: %d offences, expected %d: %v", text, want.dir, len(got), want.offences, got)
		}
	}
}

func offends(dir string, d declared) (offences []string) {
	for _, w := range words {
		if w.word.MatchString(d.name) && (w.allows == nil || !w.allows(dir, d)) {
			offences = append(offences, fmt.Sprintf("%s %s: the word means %s", d.kind, d.name, w.means))
		}
	}
	return offences
}

// declaredBy are the names that f declares outside its functions.
func declaredBy(f *ast.File) (all []declared) {
	for _, decl := range f.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			kind := "function"
			if d.Recv != nil {
				kind = "method"
			}
			all = append(all, declared{d.Name.Name, kind, ""})
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					all = append(append(all, declared{s.Name.Name, "type", ""}), membersOf(s.Type)...)
				case *ast.ValueSpec:
					for _, name := range s.Names {
						all = append(all, declared{name.Name, "name", ""})
					}
				}
			}
		}
	}
	return all
}

// membersOf are the fields of a struct and the methods of an interface.
func membersOf(t ast.Expr) (all []declared) {
	kind, list := "", (*ast.FieldList)(nil)
	switch t := t.(type) {
	case *ast.StructType:
		kind, list = "field", t.Fields
	case *ast.InterfaceType:
		kind, list = "method", t.Methods
	default:
		return nil
	}
	for _, field := range list.List {
		for _, name := range field.Names {
			all = append(all, declared{name.Name, kind, typeText(field.Type)})
		}
	}
	return all
}

// typeText is a type as far as the rules look at it.
func typeText(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return typeText(t.X)
	case *ast.SelectorExpr:
		return typeText(t.X) + "." + t.Sel.Name
	case *ast.Ident:
		return t.Name
	case *ast.MapType:
		return "map[" + typeText(t.Key) + "]"
	case *ast.ArrayType:
		return "[]" + typeText(t.Elt)
	}
	return ""
}

// ledgers are the names under which the three packages that are called ledger
// are imported.
var ledgers = map[string]string{
	arrows.Module + "/artifact/ledger": "format",
	arrows.Module + "/policy/ledger":   "",
	arrows.Module + "/index/ledger":    "statements",
}

// TestLedgersAreImportedUnderOneName: three packages are called ledger, and each
// has one name in every file.
func TestLedgersAreImportedUnderOneName(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	eachFile(t, func(path string, f *ast.File) {
		for _, i := range f.Imports {
			of, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			want, ok := ledgers[of]
			if !ok {
				continue
			}
			found[of]++
			if got := aliasOf(i); got != want {
				t.Errorf("%s imports %s as %q, expected %q", path, of, got, want)
			}
		}
	})
	for of := range ledgers {
		if found[of] == 0 {
			t.Errorf("no file imports %s: does the test still see them?", of)
		}
	}
}

func aliasOf(i *ast.ImportSpec) string {
	if i.Name == nil {
		return ""
	}
	return i.Name.Name
}

// eachFile calls fn for every Go file of the module, tests too.
func eachFile(t *testing.T, fn func(path string, f *ast.File)) {
	t.Helper()
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		files++
		fn(strings.TrimPrefix(filepath.ToSlash(path), "../../"), f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 1000 {
		t.Errorf("%d files were read", files)
	}
}
