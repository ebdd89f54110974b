package web

import (
	"regexp"
	"strings"
	"testing"
)

var usesText = regexp.MustCompile(`\{\{-?\s*t "([a-z_.-]+)"|\(t "([a-z_.-]+)"\)|text\("([a-z_.-]+)"`)

// TestEveryTextIsThere: each key that a template or the code names is a
// sentence, and each sentence is used.
func TestEveryTextIsThere(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	entries, err := files.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		raw, err := files.ReadFile("templates/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range usesText.FindAllStringSubmatch(string(raw), -1) {
			key := m[1] + m[2] + m[3]
			used[key] = true
			if _, ok := texts[key]; !ok && !strings.HasSuffix(key, ".") {
				t.Errorf("%s names %q, which is not in text/en.json", e.Name(), key)
			}
		}
	}
	for key := range texts {
		family, _, _ := strings.Cut(key, ".")
		switch family {
		case "ago", "sort", "facet", "value", "signature", "state", "kind", "reason", "site", "browse", "compare", "publishers", "move",
			"section", "done", "login", "tokens", "console", "after", "fix":
			continue // named by what they stand for
		}
		if !used[key] {
			t.Errorf("text/en.json: nobody shows %q", key)
		}
	}
}
