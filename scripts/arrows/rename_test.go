package arrows_test

import (
	"go/ast"
	"strings"
	"testing"
)

// renames are the files outside artifact/durable that rename, each with why a
// durable write of one file is not what it needs.
var renames = map[string]string{
	"registry/storage/driver/later.go":   "a push is synced as a whole, by the barrier",
	"registry/storage/driver/scratch.go": "nothing of an upload is promised before it is whole",
	"registry/backup/object.go":          "content of any size, whose digest is checked before it gets its name; file and folder are synced",
	"index/client/disk.go":               "moves a folder, whose parent is synced",
	"index/client/change.go":             "moves away what is to be deleted",
}

// TestOnlyDurableRenames: a rename without a sync of the file and of its folder
// leaves, after a power cut, an empty file where a good one was.
func TestOnlyDurableRenames(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	eachFile(t, func(path string, f *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, "artifact/durable/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Rename" {
				if from, ok := s.X.(*ast.Ident); ok && from.Name == "os" {
					found[path] = true
				}
			}
			return true
		})
	})
	for path := range found {
		if renames[path] == "" {
			t.Errorf("%s uses os.Rename: write by artifact/durable, which syncs the file and its folder", path)
		}
	}
	for path := range renames {
		if !found[path] {
			t.Errorf("%s renames nothing any more: take it off the list", path)
		}
	}
}
