package pages_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/oarlock/oarlock/scripts/pages"
)

const tour = "Follows on from [the tour](../README.md#five-minute-tour).\n\n"

func TestAPageIsReadWithItsBlocks(t *testing.T) {
	t.Parallel()
	page, err := pages.Parse("docs/a.md", tour+"```sh\noarlock list\n```\n\n```output\nacme/hello\n```\n<!-- not run: needs cron -->\n```console\noarlock gc\n```\n")
	if err != nil {
		t.Fatal(err)
	}
	want := pages.Page{Path: "docs/a.md", Follows: "README.md", Blocks: []pages.Block{
		{Page: "docs/a.md", Line: 4, Language: "sh", Text: "oarlock list\n"},
		{Page: "docs/a.md", Line: 8, Language: "output", Text: "acme/hello\n"},
		{Page: "docs/a.md", Line: 12, Language: "console", Reason: "needs cron", Text: "oarlock gc\n"},
	}}
	if diff := cmp.Diff(want, page); diff != "" {
		t.Error(diff)
	}
}

func TestAPageIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"when a merge is half done":                           {"a\n=======\nb\n", "docs/a.md:2: a merge"},
		"when a command stands in a block without a language": {"```\noarlock list\n```\n", `docs/a.md:2: a block of ""`},
		"when a command stands in a block of text":            {"```text\noarlock list\n```\n", "docs/a.md:2: a command in a block of \"text\""},
		"when a command with a prompt stands in yaml":         {"```yaml\na: 1\n$ cosign verify\n```\n", "docs/a.md:3: a command"},
		"when a command is indented instead of fenced":        {"text\n\n    DATA=x scripts/krew 127.0.0.1:7117\n", "docs/a.md:3: a command in an indented block"},
		"when a command with a variable stands in text":       {"```text\nA=b oarlock list\n```\n", "docs/a.md:2: a command"},
		"when a console block says no reason":                 {"```console\noarlock list\n```\n", `docs/a.md:2: not run for the reason ""`},
		"when the reason is not of the list":                  {"<!-- not run: needs patience -->\n```console\nx\n```\n", `"needs patience"`},
		"when a reason stands above a block that runs":        {tour + "<!-- not run: needs cron -->\n```sh\nx\n```\n", "docs/a.md:5: a block of sh is run"},
		"when a reason stands above no block":                 {"<!-- not run: needs cron -->\ntext\n", "docs/a.md:1: a reason"},
		"when nothing says which page it follows":             {"```sh\nx\n```\n", "docs/a.md:1: commands are run here"},
		"when output comes before any command":                {"```output\nx\n```\n", "docs/a.md:2: output with no block"},
		"when a block does not end":                           {tour + "```sh\nx\n", "docs/a.md:4: the block does not end"},
		"when the language is another name of sh":             {"```bash\nx\n```\n", `a block of "bash"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := pages.Parse("docs/a.md", c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func parse(t *testing.T, file, text string) pages.Page {
	t.Helper()
	page, err := pages.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	return page
}

func TestChainsBeginAtTheREADMEAndEndWhereNoPageFollows(t *testing.T) {
	t.Parallel()
	run := "```sh\nx\n```\n"
	readme := parse(t, "README.md", run)
	a := parse(t, "docs/a.md", tour+run)
	b := parse(t, "docs/b.md", "Follows on from [a](a.md).\n"+run)
	c := parse(t, "docs/c.md", tour+run)
	prose := parse(t, "docs/prose.md", "nothing\n")
	chains, err := pages.Chains([]pages.Page{b, a, prose, c, readme})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]pages.Page{{readme, a, b}, {readme, c}}, chains); diff != "" {
		t.Error(diff)
	}
	for want, all := range map[string][]pages.Page{
		"docs/b.md: follows on from docs/a.md, which has no commands": {readme, b},
		"follows on from itself": {readme, parse(t, "docs/a.md", "Follows on from [b](b.md).\n"+run), b},
	} {
		if _, err := pages.Chains(all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestOutputIsWhatWasPrinted(t *testing.T) {
	t.Parallel()
	got := "pushed  127.0.0.1:7117/acme/hello:0.1.0\ndigest  sha256:0123\nlisted\n"
	for want, missing := range map[string]string{
		"pushed 127.0.0.1:7117/acme/hello:0.1.0\ndigest sha256:…\n": "",
		"…\nlisted\n":                 "",
		"pushed …\n\nlisted\n":        "",
		"digest sha256:…\npushed …\n": "pushed …",
		"digest sha256:\n":            "digest sha256:",
		"pushed .*\n":                 "pushed .*",
		"listed\nlisted\n":            "listed",
	} {
		if line := pages.Missing(want, got); line != missing {
			t.Errorf("%q: missing %q, want %q", want, line, missing)
		}
	}
}
