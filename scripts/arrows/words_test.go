package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/scripts/arrows"
)

// TestWordsAreDeclaredOnce: the JSON words of the HTTP API stand in index, where
// server, pages and clients read the same ones.
func TestWordsAreDeclaredOnce(t *testing.T) {
	t.Parallel()
	for _, room := range []string{"index/api", "index/web"} {
		files := 0
		parse(t, room, func(path string, f *ast.File) {
			files++
			for _, word := range wordsOf(f) {
				t.Errorf("%s declares %s with JSON tags: the words of the API belong in index", path, word)
			}
		})
		if files == 0 {
			t.Errorf("%s: no file was read", room)
		}
	}
	words := 0
	parse(t, "index", func(_ string, f *ast.File) { words += len(wordsOf(f)) })
	if words < 50 {
		t.Errorf("%d words were found in index: does the test still see them?", words)
	}
}

// TestAnswersAreMadeOfWords: the API answers with words that index declares. A map
// with names in it is a word that is declared nowhere, and that clients copy.
func TestAnswersAreMadeOfWords(t *testing.T) {
	t.Parallel()
	files := 0
	parse(t, "index/api", func(path string, f *ast.File) {
		files++
		for _, name := range namedInMaps(f) {
			t.Errorf("%s: a map says %s: declare the word in index", path, name)
		}
	})
	if files == 0 {
		t.Error("no file was read")
	}
}

// namedInMaps are the keys, written out, of maps that f makes.
func namedInMaps(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		made, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		m, ok := made.Type.(*ast.MapType)
		if !ok {
			return true
		}
		if key, ok := m.Key.(*ast.Ident); !ok || key.Name != "string" {
			return true
		}
		if value, ok := m.Value.(*ast.StarExpr); ok && isOf(value.X, "huma", "MediaType", "Response", "SecurityScheme") {
			return true // of the description in OpenAPI
		}
		for _, e := range made.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.BasicLit); ok && key.Kind == token.STRING {
					names = append(names, key.Value)
				}
			}
		}
		return true
	})
	return names
}

func TestAWordInAMapIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`g(map[string]any{"done": true, "report": r})`:   `"done" "report"`,
		`g(map[string]index.Scrub{"progress": p})`:       `"progress"`,
		`g(map[string]any{siteAction: a})`:               "",
		`g(map[string]*huma.Response{"200": {}})`:        "",
		`g(map[int]string{1: "one"}, index.CheckDone{})`: "",
	} {
		if got := strings.Join(namedInMaps(parsed(t, text)), " "); got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}

// TestTheCommandLineIsAClient: it speaks the words of index and knows neither
// the server's routes nor its pages.
func TestTheCommandLineIsAClient(t *testing.T) {
	t.Parallel()
	files := 0
	parse(t, "cmd/internal/cli", func(path string, f *ast.File) {
		files++
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name == arrows.Module+"/index/api" || name == arrows.Module+"/index/web" {
				t.Errorf("%s imports %s", path, name)
			}
		}
	})
	if files == 0 {
		t.Error("no file was read")
	}
}

// parse calls fn for every file of the package in room that is no test.
func parse(t *testing.T, room string, fn func(path string, f *ast.File)) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("../..", filepath.FromSlash(room), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		fn(filepath.ToSlash(path), f)
	}
}

// wordsOf are the exported structs of f with JSON tags.
func wordsOf(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		t, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := t.Type.(*ast.StructType); ok && t.Name.IsExported() && tagged(s) {
			names = append(names, t.Name.Name)
		}
		return false
	})
	return names
}

func tagged(s *ast.StructType) bool {
	for _, field := range s.Fields.List {
		if field.Tag != nil && strings.Contains(field.Tag.Value, "json:") {
			return true
		}
	}
	return false
}
