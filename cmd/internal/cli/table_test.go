package cli

import (
	"strings"
	"testing"
)

// Proves L3: nothing that fits a line of 60 columns is torn by one that wraps,
// with wide letters neither.
func TestTablesFitSixtyColumns_L3(t *testing.T) {
	t.Parallel()
	for name, fill := range map[string]func(row func(...string)){
		"three columns": func(row func(...string)) {
			row("PLUGIN", "VERSION", "DESCRIPTION")
			row("acme/hello", "1.0.0", strings.Repeat("x", 38))
		},
		"wide letters": func(row func(...string)) {
			row("PLUGIN", "VERSION", "DESCRIPTION")
			row("acme/hello", "1.0.0", strings.Repeat("語", 22))
		},
		"pairs": func(row func(...string)) {
			row("name", "Hello")
			row("description", strings.Repeat("many words ", 20))
		},
	} {
		p := &page{columns: 60}
		if err := table(p, fill); err != nil {
			t.Fatal(err)
		}
		for one := range strings.Lines(p.String()) {
			if n := shown(strings.TrimRight(one, "\n")); n > 60 {
				t.Errorf("%s: a line of %d columns:\n%s", name, n, p)
			}
		}
	}
	p := &page{columns: 60}
	_ = table(p, func(row func(...string)) {
		row("A", "B", "C")
		row("語語", "b", "c")
		row("e\u0301", "b", "c")
	})
	if want := "A     B  C\n語語  b  c\ne\u0301     b  c\n"; p.String() != want {
		t.Errorf("the columns do not stand below each other:\n%s", p)
	}
}
