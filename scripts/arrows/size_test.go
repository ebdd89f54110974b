package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"testing"

	"github.com/oarlock/oarlock/registry"
)

// The gate is small enough to be read whole: what repositories hold, blocks,
// checks, collection and copies have packages of their own.
const (
	mostRegistryMethods = 70
	mostRegistryFiles   = 40
)

// TestTheRegistryStaysSmall counts the whole method set: a method that comes
// from an embedded part is one too, so that no wall is passed by embedding.
func TestTheRegistryStaysSmall(t *testing.T) {
	t.Parallel()
	files, methods := 0, map[string]bool{}
	parse(t, "registry", func(path string, f *ast.File) {
		files++
		declared, embedded := methodsOf(f, "Registry")
		for _, name := range declared {
			methods[name] = true
		}
		for _, name := range embedded {
			t.Errorf("%s: Registry embeds %s: name it as a field, and let callers use the package that they mean", path, name)
		}
	})
	for m := range reflect.TypeFor[*registry.Registry]().Methods() {
		methods[m.Name] = true
	}
	if files == 0 || len(methods) < 10 {
		t.Fatalf("%d files with %d methods of Registry: the test looks in the wrong place", files, len(methods))
	}
	if files > mostRegistryFiles || len(methods) > mostRegistryMethods {
		t.Errorf("registry has %d files and Registry %d methods, at most %d and %d: what does not answer a request belongs to a package below or above it",
			files, len(methods), mostRegistryFiles, mostRegistryMethods)
	}
}

// TestAnEmbeddedPartIsSeen proves that methodsOf sees what its caller counts.
func TestAnEmbeddedPartIsSeen(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "", `package p
		type Registry struct { *store; storage.Blocks; keeper Keeper[int]; Other[int] }
		func (g *Registry) a() {}
		func (Registry) B() {}
		func (o *Other) c() {}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared, embedded := methodsOf(f, "Registry")
	if want := []string{"a", "B"}; !slices.Equal(declared, want) {
		t.Errorf("methods %q, expected %q", declared, want)
	}
	if want := []string{"store", "Blocks", "Other"}; !slices.Equal(embedded, want) {
		t.Errorf("embedded %q, expected %q", embedded, want)
	}
}

// methodsOf are the methods that f declares of the type called name, and the
// types that it embeds where f declares it.
func methodsOf(f *ast.File, name string) (declared, embedded []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if receiver(n) == name {
				declared = append(declared, n.Name.Name)
			}
			return false
		case *ast.TypeSpec:
			if s, ok := n.Type.(*ast.StructType); ok && n.Name.Name == name {
				for _, field := range s.Fields.List {
					if len(field.Names) == 0 {
						embedded = append(embedded, baseName(field.Type))
					}
				}
			}
		}
		return true
	})
	return declared, embedded
}

// baseName is the last part of the name of a type, without pointers, package
// and type arguments.
func baseName(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return baseName(t.X)
	case *ast.SelectorExpr:
		return t.Sel.Name
	case *ast.IndexExpr:
		return baseName(t.X)
	case *ast.IndexListExpr:
		return baseName(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// receiver is the name of the type that fn is a method of, or "".
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return ""
	}
	return baseName(fn.Recv.List[0].Type)
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
