package arrows_test

import (
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/scripts/arrows"
)

// machineTime are the files of a server that ask the machine for the time: each
// only measures or bounds a wait, which no drill shifts. What counts days, or
// says when something was, goes by artifact/clock.
var machineTime = map[string]string{
	"cmd/internal/edge/answer.go":         "a deadline of a connection",
	"cmd/internal/edge/body.go":           "a deadline of a connection",
	"cmd/internal/edge/observe.go":        "how long a request took",
	"index/notify/caller.go":              "how long an endpoint takes",
	"index/notify/mail/mailer.go":         "how long a mail server takes",
	"index/api/upkeep.go":                 "how often a long answer tells that it goes on",
	"cmd/internal/replicas/heard.go":      "how long a look at all ledgers takes",
	"cmd/internal/replicas/replicas.go":   "how long ago another replica was heard",
	"index/ingest/catchup.go":             "how long catching up takes",
	"index/ingest/hearing.go":             "how long ago the other replicas were heard",
	"index/ingest/reconcile.go":           "how long a walk takes",
	"index/store/announce.go":             "whether a connection is alive",
	"index/store/dial.go":                 "a deadline of a connection",
	"index/store/lock.go":                 "how long a lock is shared",
	"index/store/look.go":                 "how far the clock of the database is from this one",
	"registry/block/heard.go":             "how long ago another replica was heard",
	"registry/block/reach.go":             "how long an answer is kept",
	"registry/block/watch.go":             "how long ago the blocks were read",
	"registry/integrity/scrub.go":         "the rate of a scrub",
	"registry/storage/driver/later.go":    "the rate of what is done later",
	"cmd/internal/sitebackup/restored.go": "a command of an operator, where no server runs",
	"index/auth/clilogin.go":              "a command",
	"cmd/internal/app/policy.go":          "a policy that is read and not asked",
}

// TestServersGoByOneClock: what asks the machine for the time is neither shifted
// by a drill nor moved by a test.
func TestServersGoByOneClock(t *testing.T) {
	t.Parallel()
	asks := map[string]bool{}
	eachFile(t, func(name string, f *ast.File) {
		if !ofServer(name) || !asksMachine(f) {
			return
		}
		at := name
		if machineTime[at] == "" {
			at = path.Dir(name) + "/"
		}
		if asks[at] = true; machineTime[at] == "" {
			t.Errorf("%s asks the machine for the time: take a clock (artifact/clock), or say in scripts/arrows/clock_test.go what it only measures", name)
		}
	})
	for at := range machineTime {
		if !asks[at] {
			t.Errorf("%s asks the machine for the time no more: take it off the list", at)
		}
	}
}

// ofServer reports whether a file is part of what serves.
func ofServer(name string) bool {
	room, below, _ := strings.Cut(name, "/")
	return !strings.HasSuffix(name, "_test.go") && !strings.HasSuffix(path.Dir(name), "test") && (slices.Contains([]string{"registry", "policy", "index"}, room) ||
		room == "cmd" && strings.HasPrefix(below, "internal/") && !strings.HasPrefix(below, "internal/cli/"))
}

// asksMachine reports whether f uses the clock of the machine in another way than
// as what a clock is where none was given.
func asksMachine(f *ast.File) (asks bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if set, ok := n.(*ast.AssignStmt); ok && len(set.Lhs) == 1 && len(set.Rhs) == 1 && isOf(set.Rhs[0], "time", "Now") {
			switch to := set.Lhs[0].(type) {
			case *ast.Ident:
				return to.Name != "now"
			case *ast.SelectorExpr:
				return !strings.EqualFold(to.Sel.Name, "now")
			}
		}
		if e, ok := n.(ast.Expr); ok && isOf(e, "time", "Now", "Since", "Until") {
			asks = true
		}
		return true
	})
	return asks
}

// isOf reports whether e is one of the names of a package.
func isOf(e ast.Expr, pkg string, names ...string) bool {
	s, ok := e.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := s.X.(*ast.Ident)
	return ok && x.Name == pkg && slices.Contains(names, s.Sel.Name)
}

// TestOptionsNameTheClock: where a server is put together, whoever can be given a
// clock is given one. What forgets it would go by the machine's, unseen.
func TestOptionsNameTheClock(t *testing.T) {
	t.Parallel()
	clocked := map[string]string{} // folder.Type → its field
	var roof []func()
	eachFile(t, func(name string, f *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		for of, field := range clockFields(f) {
			clocked[path.Dir(name)+"."+of] = field
		}
		if slices.Contains([]string{"cmd/internal/app", "cmd/internal/upkeep", "cmd/internal/derive"}, path.Dir(name)) {
			roof = append(roof, func() {
				for _, what := range clockless(f, clocked) {
					t.Errorf("%s: %s is left out, so that part goes by the machine's clock", name, what)
				}
			})
		}
	})
	if len(clocked) < 15 {
		t.Errorf("%d options have a clock: does the test still see them?", len(clocked))
	}
	for _, look := range roof {
		look()
	}
}

// clockFields are the structs of options in f that can be given a clock, with
// the field.
func clockFields(f *ast.File) map[string]string {
	found := map[string]string{}
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || !strings.HasSuffix(spec.Name.Name, "Options") {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok {
			return true
		}
		for _, field := range s.Fields.List {
			fn, ok := field.Type.(*ast.FuncType)
			tells := ok && fn.Results != nil && len(fn.Results.List) == 1 && isOf(fn.Results.List[0].Type, "time", "Time")
			for _, name := range field.Names {
				if tells || isOf(field.Type, "clock", "Clock") {
					found[spec.Name.Name] = name.Name
				}
			}
		}
		return true
	})
	return found
}

// clockless are the options that f makes without the clock that they can have.
func clockless(f *ast.File, clocked map[string]string) (found []string) {
	folder := map[string]string{} // of what f imports, as f names it
	for _, i := range f.Imports {
		at := strings.TrimPrefix(strings.Trim(i.Path.Value, `"`), arrows.Module+"/")
		if folder[path.Base(at)] = at; i.Name != nil {
			folder[i.Name.Name] = at
		}
	}
	later := map[string]bool{} // set after it was made, as in o.Now = …
	ast.Inspect(f, func(n ast.Node) bool {
		if set, ok := n.(*ast.AssignStmt); ok {
			for _, to := range set.Lhs {
				if field, ok := to.(*ast.SelectorExpr); ok {
					later[field.Sel.Name] = true
				}
			}
		}
		return true
	})
	ast.Inspect(f, func(n ast.Node) bool {
		made, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		of, ok := made.Type.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		what := folder[of.X.(*ast.Ident).Name] + "." + of.Sel.Name
		field, can := clocked[what]
		if !can || later[field] {
			return true
		}
		for _, e := range made.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && kv.Key.(*ast.Ident).Name == field {
				return true
			}
		}
		found = append(found, what+"."+field)
		return true
	})
	return found
}

func TestAClockOfTheMachineIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"at := time.Now()":                               true,
		"g(time.Now)":                                    true,
		"if time.Since(then) > day { g() }":              true,
		"if o.Now == nil { o.Now = time.Now }":           false,
		"if now == nil { now = time.Now }":               false,
		"o.Now = func() time.Time { return time.Now() }": true,
		"at := o.Clock.Now()":                            false,
	} {
		if got := asksMachine(parsed(t, text)); got != want {
			t.Errorf("%s: %t", text, got)
		}
	}
	clocked := map[string]string{"registry/gc.Options": "Now"}
	for text, want := range map[string]string{
		"gc.New(gc.Options{Grace: d})":                 "registry/gc.Options.Now",
		"gc.New(gc.Options{Grace: d, Now: at.Now})":    "",
		"o := gc.Options{}; o.Now = at.Now; gc.New(o)": "",
		"x.New(x.Options{Grace: d})":                   "",
	} {
		if got := strings.Join(clockless(importing(t, text), clocked), " "); got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}

// importing is a function that does text and knows the collector.
func importing(t *testing.T, text string) *ast.File {
	t.Helper()
	f := parsed(t, text)
	f.Imports = []*ast.ImportSpec{{Path: &ast.BasicLit{Value: `"` + arrows.Module + `/registry/gc"`}}}
	return f
}
