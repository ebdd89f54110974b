package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ownWords are structs of the CLI that say something of their own in words that
// the API has too, each with what that is.
var ownWords = map[string]string{
	"channelPoint": "its version is there where it is empty too, for whoever reads the output",
}

// TestTheCommandLineCopiesNoWord: a copy of a struct of the API gets new fields
// later than the API, or never. What index declares, the CLI imports.
func TestTheCommandLineCopiesNoWord(t *testing.T) {
	t.Parallel()
	api, own := map[string][]string{}, map[string][]string{}
	eachFile(t, func(path string, f *ast.File) {
		switch room := path[:strings.LastIndex(path, "/")+1]; {
		case strings.HasSuffix(path, "_test.go"):
		case room == "index/":
			maps.Copy(api, jsonWords(f))
		case room == "cmd/internal/cli/":
			maps.Copy(own, jsonWords(f))
		}
	})
	if len(api) < 50 || len(own) < 20 {
		t.Fatalf("%d structs of the API and %d of the CLI: the test looks in the wrong place", len(api), len(own))
	}
	for name, words := range own {
		if of := copyOf(words, api); of != "" && ownWords[name] == "" {
			t.Errorf("cmd/internal/cli: %s has words of index.%s alone: use that", name, of)
		}
	}
	for name := range ownWords {
		if copyOf(own[name], api) == "" {
			t.Errorf("%s is no copy any more: take it off the list", name)
		}
	}
}

// copyOf names a struct of the API that has all of three words or more.
func copyOf(words []string, api map[string][]string) string {
	if len(words) < 3 {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(api)) {
		if !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(api[name], w) }) {
			return name
		}
	}
	return ""
}

// jsonWords are the JSON names of the fields of each struct in f that has a name.
func jsonWords(f *ast.File) map[string][]string {
	out := map[string][]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			if field.Tag == nil {
				continue
			}
			tag, err := strconv.Unquote(field.Tag.Value)
			word, _, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
			if err == nil && word != "" && word != "-" {
				out[spec.Name.Name] = append(out[spec.Name.Name], word)
			}
		}
		return true
	})
	return out
}

func TestCopiesAreSeen(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\n"+
		"type A struct { Has int `json:\"a\"`; B, c int; C int `json:\"c,omitempty\"`; D int `json:\"d\"`; E int `json:\"-\"` }\n"+
		"type B struct { A int `json:\"a\"`; C int `json:\"c\"`; X int `json:\"x\"` }", 0)
	if err != nil {
		t.Fatal(err)
	}
	words := jsonWords(f)
	if got := strings.Join(words["A"], " "); got != "a c d" {
		t.Errorf("words %q", got)
	}
	if copyOf(words["A"], words) != "A" || copyOf(words["B"], map[string][]string{"A": words["A"]}) != "" {
		t.Error("a copy is what has no word of its own")
	}
}
