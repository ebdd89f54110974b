package arrows_test

import (
	"go/ast"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ownFiles are the files of code that read whole what the same program, and
// nobody else, writes. All other code takes artifact/bounded.
var ownFiles = map[string]string{
	"artifact/bounded/bounded.go":          "the reader itself",
	"registry/backup/object.go":            "a backup, whose objects are held to their digests",
	"registry/storage/blob.go":             "the registry's directory",
	"cmd/internal/sitebackup/files.go":     "the site's own keys, into its backup",
	"cmd/internal/sitebackup/restore.go":   "the mark of a restore that was begun",
	"index/ingest/ledgerbook.go":           "what the server remembers of ledgers",
	"index/signed/memory.go":               "what a reader of a signed catalog remembers",
	"registry/backup/vault.go":             "a backup, whose objects are held to their digests",
	"registry/storage/driver/fence_dir.go": "the registry's directory",
	"registry/storage/driver/files.go":     "the registry's directory",
	"registry/storage/driver/later.go":     "the registry's directory",
	"examples/host/load.go":                "an installed file",
	"examples/krew-importer/journal.go":    "its own journal",
	"examples/plugins/hello-wasm/main.go":  "its own file, inside the sandbox",
	"scripts/benchmark/bare.go":            "a benchmark",
	"scripts/benchmark/cpu.go":             "a benchmark",
}

// TestFilesFromOutsideAreReadBounded: a name promises nothing of what it leads
// to. os.ReadFile of a link to a device takes all memory, and of a pipe it
// waits for ever, deaf to a signal.
func TestFilesFromOutsideAreReadBounded(t *testing.T) {
	t.Parallel()
	files, allowed := 0, maps.Clone(ownFiles)
	for _, room := range []string{"artifact", "policy", "registry", "index", "cmd", "examples", "scripts"} {
		for _, dir := range folders(t, room) {
			parse(t, dir, func(path string, f *ast.File) {
				files++
				name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
				if !readsWhole(f) {
					return
				}
				if _, own := ownFiles[name]; !own {
					t.Errorf("%s reads a file with os.ReadFile: take bounded.ReadFile or ReadArgument of artifact/bounded, with a limit", name)
				}
				delete(allowed, name)
			})
		}
	}
	if files < 300 {
		t.Errorf("%d files were read: the test looks in the wrong place", files)
	}
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		t.Errorf("%s reads nothing with os.ReadFile any more: take it off the list", name)
	}
}

// readsWhole reports whether f calls os.ReadFile, or reads what os.Open gives
// to its end.
func readsWhole(f *ast.File) bool {
	called := map[string]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				called[x.Name+"."+s.Sel.Name] = true
			}
		}
		return true
	})
	return called["os.ReadFile"] || called["ioutil.ReadFile"] || called["io.ReadAll"] && (called["os.Open"] || called["os.OpenFile"])
}
