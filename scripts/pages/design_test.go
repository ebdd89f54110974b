package pages_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// docs/design.md names every package of the product, and none that is gone.
func TestEveryPackageIsInTheDesign(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(top, "docs/design.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "### Packages\n")
	if !found {
		t.Fatal("docs/design.md has no part Packages")
	}
	table, _, _ = strings.Cut(table, "\n## ")
	named := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \|`).FindAllStringSubmatch(table, -1) {
		for _, name := range regexp.MustCompile("`([a-z0-9/]+)`").FindAllStringSubmatch(row[1], -1) {
			named[name[1]] = true
		}
	}
	there := productPackages(t)
	for name := range there {
		if !named[name] {
			t.Errorf("docs/design.md: package %s has no row under Packages", name)
		}
	}
	for name := range named {
		if !there[name] {
			t.Errorf("docs/design.md: there is no package %s", name)
		}
	}
}

// productPackages are the directories with Go files, but those for tests alone.
func productPackages(t *testing.T) map[string]bool {
	t.Helper()
	there := map[string]bool{}
	for _, room := range []string{"artifact", "registry", "policy", "index", "cmd"} {
		err := filepath.WalkDir(filepath.Join(top, room), func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			dir, name := filepath.Split(file)
			if entry.IsDir() && name == "testdata" {
				return filepath.SkipDir
			}
			dir = filepath.ToSlash(filepath.Clean(dir))
			if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !forTests(dir) {
				there[strings.TrimPrefix(dir, top+"/")] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return there
}

// forTests tells whether a package makes things for tests of the one above it, which
// its name says: registry/registrytest.
func forTests(dir string) bool {
	return filepath.Base(dir) == filepath.Base(filepath.Dir(dir))+"test"
}

var (
	linked = regexp.MustCompile(`\]\(([^)#: ]+)(#[^) ]*)?\)`)
	quoted = regexp.MustCompile("`((?:artifact|registry|policy|index|cmd|scripts|docs|examples)/[A-Za-z0-9_./-]+)`")
)

// What the pages link to, and every path of the tree that they name, is there.
func TestEveryPathInAPageIsThere(t *testing.T) {
	t.Parallel()
	for _, page := range documents(t) {
		text, err := os.ReadFile(filepath.Join(top, page.Path))
		if err != nil {
			t.Fatal(err)
		}
		for number, line := range strings.Split(string(text), "\n") {
			for _, found := range linked.FindAllStringSubmatch(line, -1) {
				mustBeThere(t, page.Path, number+1, filepath.Join(filepath.Dir(page.Path), found[1]))
			}
			for _, found := range quoted.FindAllStringSubmatch(line, -1) {
				mustBeThere(t, page.Path, number+1, found[1])
			}
		}
	}
}

func mustBeThere(t *testing.T, page string, line int, file string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(top, file)); err != nil {
		t.Errorf("%s:%d: %s is not there", page, line, file)
	}
}
