package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// alone are folders whose tests talk to other processes only: no test server of
// Go ends beside them.
var alone = []string{"scripts/browser", "scripts/replicas"}

// TestTestsShareNoTransport: the end of an httptest.Server closes the idle
// connections of Go's default transport. A test that sends through it is ended
// by the tests beside it, now and then.
func TestTestsShareNoTransport(t *testing.T) {
	t.Parallel()
	eachFile(t, func(path string, f *ast.File) {
		if !strings.HasSuffix(path, "_test.go") || slices.Contains(alone, filepath.ToSlash(filepath.Dir(path))) {
			return
		}
		for _, what := range shared(f) {
			t.Errorf("%s uses %s: give the tests of its package a client with a transport of its own", path, what)
		}
	})
}

func TestASharedTransportIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`var c = &http.Client{Jar: jar}`:                                                   "http.Client{} without Transport",
		`var c = &http.Client{Jar: jar, Transport: web.Transport}`:                         "",
		`var c = http.Client{}`:                                                            "http.Client{} without Transport",
		`var c = new(http.Client)`:                                                         "http.Client by new",
		`var c http.Client`:                                                                "http.Client in a variable",
		`var c = &http.Transport{}`:                                                        "",
		`var t = http.DefaultTransport.(*http.Transport).Clone()`:                          "",
		`var t = http.DefaultTransport`:                                                    "http.DefaultTransport",
		`func f() { r, err := http.Get(url); http.DefaultClient.Do(r) }`:                   "http.Get http.DefaultClient",
		`import "oras.land/oras-go/v2/registry/remote/retry"; var c = retry.DefaultClient`: "retry.DefaultClient",
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p; import \"net/http\"\n"+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(shared(f), " "); got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}

// shared names what f sends with that goes through Go's default transport.
func shared(f *ast.File) (found []string) {
	own := map[string]int{} // what handmade finds, and is a transport of its own
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeAssertExpr: // to be cloned
			if s, ok := n.X.(*ast.SelectorExpr); ok && s.Sel.Name == "DefaultTransport" {
				own[typeText(s)]++
			}
		case *ast.CompositeLit:
			s, ok := n.Type.(*ast.SelectorExpr)
			if ok && (s.Sel.Name == "Transport" || s.Sel.Name == "Client" && names(n, "Transport")) {
				own[typeText(s)+"{}"]++
			}
		}
		return true
	})
	for _, what := range handmade(f) {
		switch {
		case own[what] > 0:
			own[what]--
		case strings.HasSuffix(what, "Transport in a variable"), strings.HasSuffix(what, "Transport in a field"), strings.HasSuffix(what, "Transport by new"):
		case strings.HasSuffix(what, "Client{}"):
			found = append(found, what+" without Transport")
		default:
			found = append(found, what)
		}
	}
	return found
}

// names reports whether the literal gives the field.
func names(l *ast.CompositeLit, field string) bool {
	for _, e := range l.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if id, ok := kv.Key.(*ast.Ident); ok && id.Name == field {
				return true
			}
		}
	}
	return false
}
