package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mostAppMethods: what has more of them decides something, and that has a room
// of its own.
const mostAppMethods = 5

func TestTypesOfAppAreSmall(t *testing.T) {
	t.Parallel()
	methods := map[string]int{}
	parse(t, "cmd/internal/app", func(_ string, f *ast.File) { countMethods(f, methods) })
	if len(methods) == 0 {
		t.Fatal("no method was read: the test looks in the wrong place")
	}
	for name, n := range methods {
		if n > mostAppMethods {
			t.Errorf("%s in cmd/internal/app has %d methods, at most %d: a decision belongs to the room that it is about", name, n, mostAppMethods)
		}
	}
}

func countMethods(f *ast.File, methods map[string]int) {
	for _, d := range f.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
			methods[receiver(fn)]++
		}
	}
}

// setLater are the functions of cmd/internal/app that set a field of what others
// made, and why.
var setLater = map[string]string{
	"databaseWatch.look":   "what it found, under its lock",
	"premises.takeStores":  "the premises are taken one by one, and nobody else has them yet",
	"premises.takeStorage": "the premises are taken one by one, and nobody else has them yet",
	"signedTimes.of":       "which generation is being published, under its lock",
	"incoming.Commit":      "where a push stands",
	"incoming.commit":      "where a push stands",
	"withheld.tell":        "the one circle, see docs/design.md",
	"withheld.changed":     "what came too early, so that it is not lost",
}

// TestAppIsGivenAllAtConstruction: a part that is made without what it needs and
// is given it later is half there until then, and whoever calls it meanwhile gets
// another answer, or none.
func TestAppIsGivenAllAtConstruction(t *testing.T) {
	t.Parallel()
	read := 0
	parse(t, "cmd/internal/app", func(path string, f *ast.File) {
		for _, late := range lateFields(f) {
			read++
			if setLater[late.in] == "" {
				t.Errorf("%s: %s sets %s of what is there already: give it when it is made", path, late.in, late.field)
			}
		}
	})
	if read == 0 {
		t.Fatal("nothing was read: the test looks in the wrong place")
	}
}

type late struct{ in, field string }

// lateFields are the fields that f sets of what it did not make itself: of a
// receiver or parameter that is a pointer, and of what a constructor gave.
func lateFields(f *ast.File) (found []late) {
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		in := fn.Name.Name
		if of := receiver(fn); of != "" {
			in = of + "." + in
		}
		others := pointersOf(fn)
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			a, ok := n.(*ast.AssignStmt)
			if !ok {
				return true
			}
			for _, to := range a.Lhs {
				if s, ok := to.(*ast.SelectorExpr); ok && others[root(s)] {
					found = append(found, late{in, s.Sel.Name})
				}
			}
			if call, ok := a.Rhs[0].(*ast.CallExpr); ok && a.Tok == token.DEFINE && constructs(call) {
				others[root(a.Lhs[0])] = true
			}
			return true
		})
	}
	return found
}

// pointersOf are the receiver and the parameters of fn that are pointers.
func pointersOf(fn *ast.FuncDecl) map[string]bool {
	found := map[string]bool{}
	for _, list := range []*ast.FieldList{fn.Recv, fn.Type.Params} {
		if list == nil {
			continue
		}
		for _, field := range list.List {
			if _, ok := field.Type.(*ast.StarExpr); ok {
				for _, name := range field.Names {
					found[name.Name] = true
				}
			}
		}
	}
	return found
}

// constructs reports whether a call is one of New…, new…, Open… or open…, but for
// that of a problem, which is written where it is answered.
func constructs(call *ast.CallExpr) bool {
	name := ""
	switch fn := call.Fun.(type) {
	case *ast.Ident:
		name = fn.Name
	case *ast.SelectorExpr:
		name = fn.Sel.Name
	}
	name = strings.ToLower(name)
	return name != "new" && name != "newproblem" && strings.HasPrefix(name, "new") || strings.HasPrefix(name, "open")
}

// root is the variable that an expression selects from.
func root(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return root(x.X)
	}
	return ""
}

// asksDev are the files below cmd that may read a field Dev, and how often.
var asksDev = map[string]int{
	"internal/config/footing.go":      3, // decides what follows from it
	"internal/sitebackup/restored.go": 1, // what a backup says of itself
	"internal/cli/policy_trial.go":    1, // what the API answers
}

// TestDevIsAskedInOnePlace: eight places that ask for one switch are eight
// opinions of what it means.
func TestDevIsAskedInOnePlace(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "cmd")
	asked := map[string]int{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if n := readsOf(f, "Dev"); n > 0 {
			asked[filepath.ToSlash(name)] = n
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked["internal/config/footing.go"] == 0 {
		t.Fatal("no switch was read: the test looks in the wrong place")
	}
	for name, n := range asked {
		if n > asksDev[name] {
			t.Errorf("cmd/%s asks for the switch dev: ask config.Footing for what follows from it", name)
		}
	}
}

// readsOf counts the selections of a field in f that do not set it.
func readsOf(f *ast.File, field string) (n int) {
	var set []ast.Expr
	ast.Inspect(f, func(node ast.Node) bool {
		switch x := node.(type) {
		case *ast.AssignStmt:
			set = append(set, x.Lhs...)
		case *ast.SelectorExpr:
			if x.Sel.Name == field && !slices.Contains(set, ast.Expr(x)) {
				n++
			}
		}
		return true
	})
	return n
}

func TestWhatAppMustNotDoIsSeen(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package app
type s struct{ a int }
func (s *s) join(a int) { s.a = a }
func (s *s) look() int { x := s.a; return x }
func make() { o := edge.NewObserver(); o.Within = nil; own := &s{}; own.a = 1 }
func f(c config) bool { c.Dev = true; return c.Dev }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]int{}
	countMethods(f, methods)
	if methods["s"] != 2 {
		t.Errorf("methods %v", methods)
	}
	if got := lateFields(f); len(got) != 2 || got[0] != (late{"s.join", "a"}) || got[1] != (late{"make", "Within"}) {
		t.Errorf("set later: %v", got)
	}
	if n := readsOf(f, "Dev"); n != 1 {
		t.Errorf("%d reads of Dev, expected 1", n)
	}
}
