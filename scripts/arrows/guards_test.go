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

// shorter are assertions whose failure takes a longer way to the same.
var shorter = map[string]string{"index/signed/publication.go": "o.To"} // push and tag, in one request or in two

// TestPowersAreNamedFields: no room looks behind an interface in its options for
// a power that it might have too. A guard that is found by type assertion is
// skipped in silence where the assertion fails.
func TestPowersAreNamedFields(t *testing.T) {
	t.Parallel()
	files := 0
	for _, room := range []string{"registry", "policy", "index", "cmd"} {
		for _, dir := range folders(t, room) {
			parse(t, dir, func(path string, f *ast.File) {
				files++
				for _, name := range assertedOptions(f) {
					if shorter[strings.TrimPrefix(path, "../../")] == name {
						continue
					}
					t.Errorf("%s asserts the type of %s: make the power a field of the options, which denies where it is nil", path, name)
				}
			})
		}
	}
	if files < 100 {
		t.Errorf("%d files were read: the test looks in the wrong place", files)
	}
}

// TestGuardsAreNamedOneByOne: whoever says some of the registry's guards says
// all of them; one that goes missing would refuse everything that it is asked.
func TestGuardsAreNamedOneByOne(t *testing.T) {
	t.Parallel()
	var names []string
	parse(t, "registry", func(_ string, f *ast.File) { names = append(names, fieldsOf(f, "Guards")...) })
	if len(names) < 7 {
		t.Fatalf("registry.Guards has the fields %v: the test looks in the wrong place", names)
	}
	said := 0
	for _, room := range []string{"registry", "index", "cmd"} {
		for _, dir := range folders(t, room) {
			parse(t, dir, func(path string, f *ast.File) {
				for _, given := range literalsOf(f, "Guards") {
					said++
					for _, name := range names {
						if !slices.Contains(given, name) {
							t.Errorf("%s makes registry.Guards without %s", path, name)
						}
					}
				}
			})
		}
	}
	if said < 2 {
		t.Errorf("%d literals of registry.Guards were found: does the test still see them?", said)
	}
}

// folders are those below room that may hold Go files.
func folders(t *testing.T, room string) (out []string) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(filepath.Join(root, room), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" || d.Name() == "node_modules" {
			return fs.SkipDir
		}
		below, err := filepath.Rel(root, path)
		out = append(out, filepath.ToSlash(below))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// assertedOptions names what f takes from options and asserts to be of some
// other type.
func assertedOptions(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		a, ok := n.(*ast.TypeAssertExpr)
		if !ok {
			return true
		}
		field, ok := a.X.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		from := ""
		switch of := field.X.(type) {
		case *ast.Ident:
			from = of.Name
		case *ast.SelectorExpr:
			from = of.Sel.Name
		}
		if slices.Contains([]string{"o", "opts", "options", "Options", "Guards"}, from) {
			names = append(names, from+"."+field.Sel.Name)
		}
		return true
	})
	return names
}

// fieldsOf are the fields of the struct that f declares as name.
func fieldsOf(f *ast.File, name string) (fields []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != name {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, field := range s.Fields.List {
				for _, n := range field.Names {
					fields = append(fields, n.Name)
				}
			}
		}
		return true
	})
	return fields
}

// literalsOf are the fields that each literal of the struct name gives in f.
func literalsOf(f *ast.File, name string) (literals [][]string) {
	ast.Inspect(f, func(n ast.Node) bool {
		c, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		of, ok := c.Type.(*ast.Ident)
		if s, is := c.Type.(*ast.SelectorExpr); is {
			of, ok = s.Sel, true
		}
		if !ok || of.Name != name {
			return true
		}
		given := []string{}
		for _, e := range c.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok {
					given = append(given, key.Name)
				}
			}
		}
		literals = append(literals, given)
		return true
	})
	return literals
}

func TestAPowerBehindAnInterfaceIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a, ok := g.opts.Admitter.(ContentAdmitter)": "opts.Admitter",
		"switch o.Judge.(type) { case nil: }":        "o.Judge",
		"v, ok := ctx.Value(key{}).(string)":         "",
		"n, ok := g.opts.Guards.Uploads.(Counter)":   "Guards.Uploads",
	} {
		if got := strings.Join(assertedOptions(parsed(t, text)), " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// source is a file whose one function does text.
func parsed(t *testing.T, text string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {\n"+text+"\n}", 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
