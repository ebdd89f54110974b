package auth

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// told are the parts of the table that people are told; the rest of it follows
// from the rules beside them.
var told = []string{"On a repository of acme", "On a namespace that nobody has", "On namespace acme", "On the site"}

// TestTheDocumentTellsTheTable_B4 keeps docs/accounts.md and the table alike.
func TestTheDocumentTellsTheTable_B4(t *testing.T) {
	t.Parallel()
	const page, begin, end = "../../docs/accounts.md", "<!-- permissions -->\n", "<!-- /permissions -->"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s: the marks around the table are missing", page)
	}
	table, err := os.ReadFile("testdata/permissions.md")
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, title := range told {
		_, part, ok := strings.Cut(string(table), "## "+title+"\n")
		if !ok {
			t.Fatalf("the table has no part %q", title)
		}
		part, _, _ = strings.Cut(part, "\n## ")
		want.WriteString("\n### " + title + "\n\n" + strings.TrimSpace(part) + "\n")
	}
	want.WriteString("\n")
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Split(want.String(), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s tells another table: run with -update (-want +got):\n%s", page, diff)
	}
}
