package pack

import "testing"

func TestIgnorePatternsReadAsGitReadsThem(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text, path string
		dir, want  bool
	}{
		"a plain name at any depth":                   {"debug.log", "a/b/debug.log", false, true},
		"a glob at any depth":                         {"*.log", "a/x.log", false, true},
		"a glob does not cross a slash":               {"/a*c", "a/c", false, false},
		"a leading slash anchors":                     {"/x", "a/x", false, false},
		"an inner slash anchors":                      {"a/x", "b/a/x", false, false},
		"two stars cross directories":                 {"a/**/x", "a/b/c/x", false, true},
		"two stars cross no directory at all as well": {"a/**/x", "a/x", false, true},
		"a trailing slash means directories only":     {"build/", "build", false, false},
		"a trailing slash takes a directory":          {"build/", "build", true, true},
		"a later line takes back an earlier one":      {"*.log\n!keep.log", "keep.log", false, false},
		"a comment is no pattern":                     {"#x", "#x", false, false},
		"white space at the end does not count":       {"x  \r", "x", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rules, err := parseIgnore(row.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := rules.match(row.path, row.dir); got != row.want {
				t.Errorf("%q ignores %q: %v, expected %v", row.text, row.path, got, row.want)
			}
		})
	}
}
