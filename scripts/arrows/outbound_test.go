package arrows_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ownClients may make HTTP clients and transports of their own, each for the
// reason given. Everybody else takes one of artifact/outbound.
var ownClients = map[string]string{
	"artifact/outbound/client.go":   "makes them",
	"registry/storage/driver/s3.go": "undoes what the S3 driver of distribution does to the default one, and gives the bucket, which the operator named, time",
	"artifact/quirk/":               "watches the client of a repository that the caller made; oras takes its own where none is named",
	"cmd/internal/cli/":             "a person's commands ask the server that the person named, and wait for what takes long",
	"scripts/":                      "tools of the repository, no part of the server",
	"examples/":                     "programs of others, which use what is public",
}

// TestClientsComeFromOneRoom: a client made by hand reaches every address, asks
// the proxy of the environment, follows redirects anywhere and waits for ever.
func TestClientsComeFromOneRoom(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, what := range handmade(f) {
			where := ""
			for at := range ownClients {
				if path == at || strings.HasSuffix(at, "/") && strings.HasPrefix(path, at) {
					where = at
				}
			}
			if used[where] = true; where == "" {
				t.Errorf("%s uses %s: take a client of artifact/outbound", path, what)
			}
		}
	})
	for at := range ownClients {
		if !used[at] {
			t.Errorf("%s makes no client any more: take it from the list", at)
		}
	}
}

// packages whose clients are looked for.
const (
	netHTTP   = "net/http"
	orasAuth  = "oras.land/oras-go/v2/registry/remote/auth"
	orasRetry = "oras.land/oras-go/v2/registry/remote/retry"
)

// readyMade are the names of clients, and of what makes or uses one unguarded.
var readyMade = map[string][]string{
	netHTTP:   {"DefaultClient", "DefaultTransport", "Get", "Head", "Post", "PostForm"},
	orasAuth:  {"DefaultClient"},
	orasRetry: {"DefaultClient", "NewClient"},
}

// madeOf are the structs that are such a client when they are made by hand.
var madeOf = map[string][]string{netHTTP: {"Client", "Transport"}}

// handmade names the clients that f makes by hand or takes ready made: literals,
// new, variables and fields that are one, and the defaults of the packages.
func handmade(f *ast.File) (found []string) {
	names := map[string]string{}
	for _, i := range f.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil || readyMade[path] == nil {
			continue
		}
		name := path[strings.LastIndex(path, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		names[name] = path
	}
	of := func(e ast.Expr, list map[string][]string) (string, bool) {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return "", false
		}
		pkg, ok := s.X.(*ast.Ident)
		if !ok || !slices.Contains(list[names[pkg.Name]], s.Sel.Name) {
			return "", false
		}
		return pkg.Name + "." + s.Sel.Name, true
	}
	note := func(e ast.Expr, list map[string][]string, how string) {
		if what, ok := of(e, list); ok {
			found = append(found, what+how)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			note(n, readyMade, "")
		case *ast.CompositeLit:
			note(n.Type, madeOf, "{}")
		case *ast.CallExpr:
			if fn, ok := n.Fun.(*ast.Ident); ok && fn.Name == "new" && len(n.Args) == 1 {
				note(n.Args[0], madeOf, " by new")
			}
		case *ast.ValueSpec:
			note(n.Type, madeOf, " in a variable")
		case *ast.StructType:
			for _, field := range n.Fields.List {
				note(field.Type, madeOf, " in a field")
			}
		}
		return true
	})
	return found
}

func TestAClientMadeByHandIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`import "net/http"; var c = &http.Client{}`:                                                   "http.Client{}",
		`import h "net/http"; func f() { g(&h.Client{Transport: &h.Transport{}}) }`:                   "h.Client{} h.Transport{}",
		`import "net/http"; var c = new(http.Client)`:                                                 "http.Client by new",
		`import "net/http"; var c http.Client`:                                                        "http.Client in a variable",
		`import "net/http"; type s struct { http.Client; t http.Transport }`:                          "http.Client in a field http.Transport in a field",
		`import "net/http"; func f() { r, err := http.Get(url); http.DefaultClient.Do(r) }`:           "http.Get http.DefaultClient",
		`import "net/http"; func f(c *http.Client) http.RoundTripper { return c.Transport }`:          "",
		`import "example.org/http"; var c = &http.Client{}`:                                           "",
		`import "oras.land/oras-go/v2/registry/remote/retry"; var c = retry.DefaultClient`:            "retry.DefaultClient",
		`import orasauth "oras.land/oras-go/v2/registry/remote/auth"; var c = orasauth.DefaultClient`: "orasauth.DefaultClient",
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(handmade(f), " "); got != want {
			t.Errorf("%s: %q, expected %q", text, got, want)
		}
	}
}
