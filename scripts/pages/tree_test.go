package pages_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/oarlock/oarlock/scripts/pages"
)

const top = "../.." // of the tree, from here

// documents reads every page with commands for readers.
func documents(t *testing.T) []pages.Page {
	t.Helper()
	var all []pages.Page
	for _, glob := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "examples/*.md", "examples/*/*.md"} {
		files, err := filepath.Glob(filepath.Join(top, glob))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name, err := filepath.Rel(top, file)
			if err != nil {
				t.Fatal(err)
			}
			page, err := pages.Parse(filepath.ToSlash(name), string(text))
			if err != nil {
				t.Error(err)
			}
			all = append(all, page)
		}
	}
	return all
}

// Every command of the documents is run or says why it is not.
func TestEveryCommandIsRunOrSaysWhyNot(t *testing.T) {
	all := documents(t)
	if _, err := pages.Chains(all); err != nil {
		t.Error(err)
	}
	run, not := 0, map[string]int{}
	for _, p := range all {
		for _, b := range p.Blocks {
			switch b.Language {
			case "sh":
				run++
			case "console":
				not[b.Reason]++
			}
		}
	}
	t.Logf("%d blocks of %d documents are run; not run: %v", run, len(all), not)
	if run == 0 {
		t.Error("no block is run: where are the documents?")
	}
}
