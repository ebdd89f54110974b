package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// errorReaders read the error body of other registries, whose details may be
// anything; artifact/ocierror alone writes it.
var errorReaders = []string{"artifact/ocierror/ocierror.go", "registry/recorder.go", "index/client/repository.go"}

// TestTheErrorBodyIsBuiltOnce: who answers in the words of the distribution
// specification does so through artifact/ocierror.
func TestTheErrorBodyIsBuiltOnce(t *testing.T) {
	t.Parallel()
	readers := 0
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "scripts/") {
			return
		}
		found := errorBodies(f)
		if slices.Contains(errorReaders, path) {
			readers += min(1, len(found))
			return
		}
		for _, text := range found {
			t.Errorf("%s builds the OCI error body itself (%s): answer through artifact/ocierror", path, text)
		}
	})
	if readers != len(errorReaders) {
		t.Errorf("%d of %v have the error body: take the others from the list", readers, errorReaders)
	}
}

// errorBodies are the texts of f that make it an error body: its key, alone, in
// a struct tag, or in JSON.
func errorBodies(f *ast.File) (found []string) {
	imports := map[*ast.BasicLit]bool{}
	for _, i := range f.Imports {
		imports[i.Path] = true
	}
	ast.Inspect(f, func(n ast.Node) bool {
		l, ok := n.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING || imports[l] {
			return true
		}
		if l.Value == `"errors"` || strings.Contains(l.Value, `json:"errors`) || strings.Contains(strings.ReplaceAll(l.Value, `\"`, `"`), `"errors":`) {
			found = append(found, l.Value)
		}
		return true
	})
	return found
}

func TestAnErrorBodyIsSeen(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nimport \"errors\"\n"+
		"var a = map[string]any{\"errors\": nil}\nvar b = []byte(`{\"errors\":[]}`)\nvar c = \"{\\\"errors\\\": []}\"\n"+
		"type t struct { Errors []int `json:\"errors,omitempty\"` }\nvar d = errors.New(\"errors: none\")", 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := errorBodies(f); len(got) != 4 {
		t.Errorf("%d bodies, expected 4: %q", len(got), got)
	}
}
