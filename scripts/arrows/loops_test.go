package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"strings"
	"testing"
)

// ownLoops run in the background of a server as long as it does, and do not
// stand on cmd/internal/periodic. Why is said in docs/design.md, "Loops of their
// own", where each has a row.
var ownLoops = map[string]bool{
	"index/ingest.applyLoop": true,
	"index/jobs.serve":       true,
	"index/publog.Run":       true,
	"index/publog.Witness":   true,
	"index/signed.Run":       true,
	"index/store.Listen":     true,
	"registry/block.watch":   true,
}

// waits are loops that end by themselves, or with the request or the command
// that they serve: what each waits for.
var waits = map[string]string{
	"cmd/internal/cli.cosignedLog":    "witnesses to cosign a checkpoint that was just shown",
	"cmd/internal/cli.look":           "a command waits for what comes beside the act",
	"cmd/internal/cli.waitForLock":    "a command waits for another one",
	"cmd/internal/cli.listed":         "a version that was pushed to be listed",
	"cmd/internal/cli.loginDevice":    "somebody to log in on another device",
	"index/emergency.done":            "what follows from a step that was asked for",
	"cmd/internal/cli.mirrorEvery":    "the next round of oarlock mirror --every, which is in the foreground",
	"cmd/internal/cli.promoter":       "another try at a tag that somebody else moved",
	"index/api.events":                "the next event, and tells a reader meanwhile that the stream is alive",
	"index/client.lock":               "another process that writes to the same store of a host",
	"index/ingest.reconcileFirst":     "a storage that does not answer at the start",
	"cmd/internal/periodic.repeat":    "the pause of a task: this is periodic",
	"index/publisher.settled":         "statements that stand before one in a ledger",
	"index/signed.settle":             "a quiet moment among many generations",
	"registry/integrity.pace":         "its turn to read, within the rate of a scrub",
	"registry/storage/driver.lock":    "another process that replaces the same file",
	"registry/storage/driver.replace": "another try at an object that somebody else changed",
}

// TestLoopsThatWaitAreOnPeriodic: what runs again and again is a task of
// cmd/internal/periodic, which starts, ends, spreads and measures all alike. A
// loop of its own needs a reason here and a row in docs/design.md.
func TestLoopsThatWaitAreOnPeriodic(t *testing.T) {
	t.Parallel()
	rooms := map[string][]*ast.File{}
	eachFile(t, func(name string, f *ast.File) {
		room, _, _ := strings.Cut(name, "/")
		switch room {
		case "artifact", "policy", "registry", "index", "cmd":
			if !strings.HasSuffix(name, "_test.go") {
				rooms[path.Dir(name)] = append(rooms[path.Dir(name)], f)
			}
		}
	})
	found := map[string]bool{}
	for room, files := range rooms {
		for _, name := range loopsThatWait(files) {
			found[room+"."+name] = true
			if !ownLoops[room+"."+name] && waits[room+"."+name] == "" {
				t.Errorf("%s.%s waits for time in a loop: make it a task of cmd/internal/periodic, or say in scripts/arrows/loops_test.go why it is none", room, name)
			}
		}
	}
	for name := range waits {
		if !found[name] {
			t.Errorf("%s waits in no loop any more: take it off the list", name)
		}
	}
	design, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(design), "### Loops of their own\n")
	section, _, _ = strings.Cut(section, "\n#")
	for name := range ownLoops {
		room, _, _ := strings.Cut(name, ".")
		if !found[name] {
			t.Errorf("%s waits in no loop any more: take it off the list", name)
		}
		if !strings.Contains(section, "| `"+room+"` |") {
			t.Errorf("docs/design.md, Loops of their own: no row for %s says why it is not on cmd/internal/periodic", room)
		}
	}
}

// loopsThatWait names the functions of a package with a loop that waits for a
// timer, by itself or in another function of the package.
func loopsThatWait(files []*ast.File) (names []string) {
	waiters := map[string]bool{}
	each := func(see func(fn *ast.FuncDecl)) {
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
					see(fn)
				}
			}
		}
	}
	each(func(fn *ast.FuncDecl) {
		if waitsForTime(fn.Body, nil) {
			waiters[callName(fn)] = true
		}
	})
	each(func(fn *ast.FuncDecl) {
		loops := false
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch loop := n.(type) {
			case *ast.ForStmt:
				loops = loops || waitsForTime(loop, waiters)
			case *ast.RangeStmt:
				loops = loops || waitsForTime(loop, waiters)
			}
			return !loops
		})
		if loops {
			names = append(names, fn.Name.Name)
		}
	})
	return names
}

// waitsForTime reports whether n receives from a timer, a ticker or time.After,
// or calls one of the functions that do.
func waitsForTime(n ast.Node, do map[string]bool) (waits bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.FuncLit: // what a loop starts does not make it wait
			return false
		case *ast.UnaryExpr:
			waits = waits || x.Op == token.ARROW && isTimer(x.X)
		case *ast.RangeStmt:
			waits = waits || isTimer(x.X)
		case *ast.CallExpr:
			waits = waits || do[calledName(x.Fun)] || isTimeCall(x, "Sleep")
		}
		return !waits
	})
	return waits
}

func isTimer(e ast.Expr) bool {
	switch x := e.(type) {
	case *ast.SelectorExpr:
		return x.Sel.Name == "C"
	case *ast.CallExpr:
		return isTimeCall(x, "After", "Tick")
	}
	return false
}

func isTimeCall(call *ast.CallExpr, names ...string) bool {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	from, ok := fn.X.(*ast.Ident)
	for _, name := range names {
		if ok && from.Name == "time" && fn.Sel.Name == name {
			return true
		}
	}
	return false
}

// callName is how a function is called: a method begins with a dot.
func callName(fn *ast.FuncDecl) string {
	if fn.Recv != nil {
		return "." + fn.Name.Name
	}
	return fn.Name.Name
}

// calledName is what a call calls, as callName has it.
func calledName(fn ast.Expr) string {
	switch x := fn.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return "." + x.Sel.Name
	}
	return ""
}

func TestLoopsThatWaitAreSeen(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "x.go", `package x
func ticks() { tick := time.NewTicker(1); for { select { case <-tick.C: case <-done: } } }
func after() { for { <-time.After(1) } }
func every() { for range time.Tick(1) {} }
func sleeps() { for { time.Sleep(1) } }
func other() { for pause() { } }
func pause() bool { <-timer.C; return true }
func reads() { for { <-events } }
func once() { <-time.After(1); for { work() } }
func starts() { for { go func() { <-time.After(1) }() } }`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(loopsThatWait([]*ast.File{f}), " "); got != "ticks after every sleeps other" {
		t.Errorf("loops that wait: %s", got)
	}
}
