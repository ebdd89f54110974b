package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// The gate is small enough to be read whole: what repositories hold, blocks,
// checks, collection and copies have packages of their own.
const (
	mostRegistryMethods = 70
	mostRegistryFiles   = 40
)

func TestTheRegistryStaysSmall(t *testing.T) {
	t.Parallel()
	all, err := filepath.Glob("../../registry/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files, methods := 0, 0
	for _, name := range all {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files++
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && receiver(fn) == "Registry" {
				methods++
			}
		}
	}
	if files == 0 || methods == 0 {
		t.Fatalf("%d files with %d methods of Registry: the test looks in the wrong place", files, methods)
	}
	if files > mostRegistryFiles || methods > mostRegistryMethods {
		t.Errorf("registry has %d files and Registry %d methods, at most %d and %d: what does not answer a request belongs to a package below or above it",
			files, methods, mostRegistryFiles, mostRegistryMethods)
	}
}

// receiver is the name of the type that fn is a method of, or "".
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	of := fn.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// mostAppFiles: cmd/internal/app joins; what decides has a room of its own.
const mostAppFiles = 24

func TestAppOnlyJoins(t *testing.T) {
	t.Parallel()
	files := 0
	parse(t, "cmd/internal/app", func(string, *ast.File) { files++ })
	if files == 0 {
		t.Fatal("no file was read: the test looks in the wrong place")
	}
	if files > mostAppFiles {
		t.Errorf("cmd/internal/app has %d files, at most %d: a decision belongs to the room that it is about", files, mostAppFiles)
	}
}
