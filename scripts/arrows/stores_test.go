package arrows_test

import (
	"go/ast"
	"strings"
	"testing"
)

// mostMethods is how much one interface of what is kept may ask for.
const mostMethods = 5

// TestStoresAreSmall: each room of index says in a few small interfaces what it
// keeps, none of them made of others.
func TestStoresAreSmall(t *testing.T) {
	t.Parallel()
	stores := 0
	for _, room := range []string{"account", "audit", "auth", "emergency", "jobs", "ledger", "lifecycle", "notify", "publisher", "publog", "quota", "tenant"} {
		parse(t, "index/"+room, func(path string, f *ast.File) {
			ast.Inspect(f, func(n ast.Node) bool {
				spec, ok := n.(*ast.TypeSpec)
				if !ok {
					return true
				}
				kept, ok := spec.Type.(*ast.InterfaceType)
				if !ok || !strings.HasSuffix(spec.Name.Name, "Store") && spec.Name.Name != "Founder" {
					return true
				}
				stores++
				methods := 0
				for _, m := range kept.Methods.List {
					if len(m.Names) == 0 {
						t.Errorf("%s: %s is made of other interfaces: name them one by one where they are needed", path, spec.Name)
					}
					methods += len(m.Names)
				}
				if methods > mostMethods {
					t.Errorf("%s: %s has %d methods, expected at most %d", path, spec.Name, methods, mostMethods)
				}
				return true
			})
		})
	}
	if stores < 10 {
		t.Errorf("%d stores were found: does the test still see them?", stores)
	}
}
