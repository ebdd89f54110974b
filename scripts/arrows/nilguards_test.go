package arrows_test

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"testing"
)

// harmless are functions of options that may be missing: what they would refuse
// is no matter of who may.
var harmless = map[string]string{
	"cmd/internal/sitebackup/restore.go Step": "hears what comes next",
	"index/api/read.go Role":                  "without it everybody is nobody in particular, who sees least",
	"index/client/change.go Check":            "the host's own smoke test of a version that was verified before",
	"index/client/login.go Login":             "without it calls are nobody's, and the server decides",
	"index/signed/answer.go Config":           "without it there are no readmes",
	"index/signed/publisher.go Lock":          "without it a publisher excludes itself alone, which its documentation says",
	"index/signed/replace.go Numbers":         "without it the directory of the keys counts, as with one publisher",
	"index/publog/cosigning.go WitnessLock":   "without it nobody else asks the witnesses, as with one server",
	"registry/gate.go Principal":              "without it everybody is nobody in particular, and the Admitter decides",
}

// TestAMissingGuardDenies: no options have a function that could refuse, by an
// error, and that lets everything through where nobody set it. That is seen where
// the default is a function that returns no error, where a call stands behind
// "is it set", and where what is not set answers at once without an error.
func TestAMissingGuardDenies(t *testing.T) {
	t.Parallel()
	guards, said := 0, map[string]bool{}
	for _, room := range []string{"registry", "policy", "index", "cmd"} {
		for _, dir := range folders(t, room) {
			var files []*ast.File
			var paths []string
			var names []string
			parse(t, dir, func(path string, f *ast.File) {
				files, paths = append(files, f), append(paths, strings.TrimPrefix(path, "../../"))
				names = append(names, refusersOf(f)...)
			})
			guards += len(names)
			for i, f := range files {
				for _, name := range openWhereNil(f, names) {
					at := paths[i] + " " + name
					if said[at] = true; harmless[at] == "" {
						t.Errorf("%s: %s lets everything through where it is nil: make it refuse, and name what lets through …Unsafe", paths[i], name)
					}
				}
			}
		}
	}
	for at := range harmless {
		if !said[at] {
			t.Errorf("%s is excused and no longer there", at)
		}
	}
	if guards < 5 {
		t.Errorf("%d functions of options were found that could refuse: the test looks in the wrong place", guards)
	}
}

// refusersOf are the fields of structs of options in f that are functions and
// return an error.
func refusersOf(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !strings.HasSuffix(strings.ToLower(spec.Name.Name), "options") {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			if fn, ok := field.Type.(*ast.FuncType); ok && returnsError(fn) {
				for _, n := range field.Names {
					names = append(names, n.Name)
				}
			}
		}
		return true
	})
	return names
}

func returnsError(fn *ast.FuncType) bool {
	if fn.Results == nil || len(fn.Results.List) == 0 {
		return false
	}
	last, ok := fn.Results.List[len(fn.Results.List)-1].Type.(*ast.Ident)
	return ok && last.Name == "error"
}

// openWhereNil names those of names that f lets through where they are nil.
func openWhereNil(f *ast.File, names []string) (open []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		branch, ok := n.(*ast.IfStmt)
		if !ok {
			return true
		}
		for _, name := range comparedWithNil(branch.Cond, token.EQL, names) {
			if defaultsOpen(branch.Body, name) || answersOpen(branch.Body) {
				open = append(open, name)
			}
		}
		for _, name := range comparedWithNil(branch.Cond, token.NEQ, names) {
			if branch.Else == nil && calls(branch, name) {
				open = append(open, name)
			}
		}
		return true
	})
	return open
}

// comparedWithNil are those of names whose field cond compares with nil by op.
func comparedWithNil(cond ast.Expr, op token.Token, names []string) (found []string) {
	ast.Inspect(cond, func(n ast.Node) bool {
		b, ok := n.(*ast.BinaryExpr)
		if !ok || b.Op != op || !isNil(b.Y) {
			return true
		}
		if field, ok := b.X.(*ast.SelectorExpr); ok && slices.Contains(names, field.Sel.Name) {
			found = append(found, field.Sel.Name)
		}
		return true
	})
	return found
}

func isNil(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && name.Name == "nil"
}

// defaultsOpen: body sets name to a function that returns no error.
func defaultsOpen(body *ast.BlockStmt, name string) (open bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		set, ok := n.(*ast.AssignStmt)
		if !ok || len(set.Lhs) != 1 {
			return true
		}
		field, ok := set.Lhs[0].(*ast.SelectorExpr)
		fn, is := set.Rhs[0].(*ast.FuncLit)
		open = open || ok && is && field.Sel.Name == name && answersOpen(fn.Body)
		return true
	})
	return open
}

// answersOpen: body ends with a return whose last result is nil.
func answersOpen(body *ast.BlockStmt) bool {
	if len(body.List) == 0 {
		return false
	}
	end, ok := body.List[len(body.List)-1].(*ast.ReturnStmt)
	return ok && len(end.Results) > 0 && isNil(end.Results[len(end.Results)-1])
}

func calls(n ast.Node, name string) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok {
			field, is := c.Fun.(*ast.SelectorExpr)
			found = found || is && field.Sel.Name == name
		}
		return true
	})
	return found
}

func TestAGuardThatIsOpenWhereNilIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"if o.Public == nil { o.Public = func(g int) (int, error) { return g, nil } }":      "Public",
		"if o.Public == nil { o.Public = func(g int) (int, error) { return 0, denied } }":   "",
		"if s.Public != nil { err = s.Public() }":                                           "Public",
		"if s.Public != nil { err = s.Public() } else { err = denied }":                     "",
		"if known || s.Public == nil { return by, nil }":                                    "Public",
		"if s.Public == nil { return by, denied }":                                          "",
		"if s.Log == nil { return by, nil }":                                                "",
		"if o.Public == nil { return nil, nil }; if other.Public != nil { other.Public() }": "Public Public",
	} {
		if got := strings.Join(openWhereNil(parsed(t, text), []string{"Public"}), " "); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
