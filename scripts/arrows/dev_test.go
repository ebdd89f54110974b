package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// namesDev are the files outside cmd that may have a field or a parameter dev.
var namesDev = map[string]int{
	"index/auth/founding.go":      1, // rows that a server for trying out made, counted
	"index/policy.go":             1, // what the API answers
	"registry/backup/manifest.go": 1, // what a backup says of itself
}

// TestDevIsNoOptionOfAPackage: a package that is told "dev" decides by itself
// what that loosens. It is told what to do (ListDeniedUnsafe,
// AnyoneIsAdminUnsafe) by whoever asked config.Footing.
func TestDevIsNoOptionOfAPackage(t *testing.T) {
	t.Parallel()
	named := map[string]int{}
	eachFile(t, func(path string, f *ast.File) {
		room, _, _ := strings.Cut(path, "/")
		switch room {
		case "artifact", "policy", "registry", "index":
			if n := fieldsNamed(f, "dev"); n > 0 && !strings.HasSuffix(path, "_test.go") {
				named[path] = n
			}
		}
	})
	for path, n := range named {
		if n > namesDev[path] {
			t.Errorf("%s has a field or a parameter dev: name what it does, and let config.Footing decide it", path)
		}
	}
	for path, n := range namesDev {
		if named[path] < n {
			t.Errorf("%s has no field dev any more: take it off the list", path)
		}
	}
}

// fieldsNamed counts the fields, parameters and results of f with a name, in
// upper or lower case.
func fieldsNamed(f *ast.File, word string) (n int) {
	ast.Inspect(f, func(node ast.Node) bool {
		if field, ok := node.(*ast.Field); ok {
			for _, name := range field.Names {
				if strings.EqualFold(name.Name, word) {
					n++
				}
			}
		}
		return true
	})
	return n
}

func TestFieldsAreFoundByName(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
type o struct{ Dev, Other bool; devil int }
func f(dev bool) { var dev2 bool; _ = dev2 }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := fieldsNamed(f, "dev"); n != 2 {
		t.Errorf("%d fields and parameters dev, expected 2", n)
	}
}
