package ledger_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
)

// TestEveryKindHasAForm: a constant that is declared and not in the list would
// be a kind that no reader acts on.
func TestEveryKindHasAForm(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, f := range format.Forms() {
		if listed[string(f.Kind)] {
			t.Errorf("%s is in the list twice", f.Kind)
		}
		listed[string(f.Kind)] = true
	}
	declared := declaredKinds(t)
	if len(declared) == 0 {
		t.Fatal("no constant of type Kind was found")
	}
	for _, kind := range declared {
		if !listed[kind] {
			t.Errorf("%s is declared and is not in the list", kind)
		}
	}
	if len(declared) != len(listed) {
		t.Errorf("%d kinds are declared, %d are in the list", len(declared), len(listed))
	}
}

// declaredKinds are the values of this package's constants of type Kind.
func declaredKinds(t *testing.T) (kinds []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != "Kind" {
				return true
			}
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				kinds = append(kinds, text)
			}
			return true
		})
	}
	slices.Sort(kinds)
	return kinds
}

// TestFormsKeepTheirContract holds every kind to what all have in common.
func TestFormsKeepTheirContract(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../../docs/ledgers.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range format.Forms() {
		t.Run(string(f.Kind), func(t *testing.T) {
			t.Parallel()
			if err := f.Kind.Check(); err != nil {
				t.Error(err)
			}
			if !strings.Contains(string(docs), "`"+string(f.Kind)+"`") {
				t.Error("docs/ledgers.md does not name it")
			}
			raw, err := json.Marshal(f.Body())
			if err != nil {
				t.Fatal(err)
			}
			if err := artifact.UnmarshalStrict(raw, f.Body()); err != nil {
				t.Errorf("its own body is not read back: %v", err)
			}
			if err := artifact.UnmarshalStrict([]byte(`{"of_a_later_time": 1}`), f.Body()); err != nil {
				t.Errorf("a body with a key of a later time is not read: %v", err)
			}
			if err := artifact.UnmarshalStrict([]byte(`{"a": 1, "a": 2}`), f.Body()); err == nil {
				t.Error("a body that says one thing twice is read")
			}
		})
	}
}
