package pages

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Start is the page that follows no other: its first blocks build and start a server.
const Start = "README.md"

// Reasons is the closed list of why a block of commands is not run.
var Reasons = []string{
	"CI runs it by itself",
	"needs a data set",
	"needs a DNS zone",
	"needs a lost database",
	"needs a mail server",
	"needs a second machine",
	"needs a tool that is not installed here",
	"needs cron",
	"needs object storage",
	"needs two people",
	"takes long",
}

// languages are the fences that hold no commands.
var languages = []string{"go", "json", "output", "text", "yaml"}

// A Block is one fenced block of a page.
type Block struct {
	Page     string // path of the page from the top of the tree
	Line     int    // of the first line of Text, from 1
	Language string
	Reason   string // why a console block is not run
	Text     string // whole lines, each with its end
}

// At is the block's place, as "docs/trust.md:12".
func (b Block) At() string { return fmt.Sprintf("%s:%d", b.Page, b.Line) }

// A Page is a document with its blocks in order.
type Page struct {
	Path    string // from the top of the tree, with slashes
	Follows string // the page whose blocks are run before; empty for none
	Blocks  []Block
}

// Runs tells whether the page has a block to run.
func (p Page) Runs() bool {
	return slices.ContainsFunc(p.Blocks, func(b Block) bool { return b.Language == "sh" })
}

var (
	fence   = regexp.MustCompile("^ *```+ *([^ `]*)")
	notRun  = regexp.MustCompile(`^ *<!-- *not run: *(.*?) *-->$`)
	follows = regexp.MustCompile(`^Follows on from \[[^\]]*\]\(([^)#]+)[^)]*\)`)
	merging = regexp.MustCompile(`^(<<<<<<< .*|=======|>>>>>>> .*)$`)
	command = regexp.MustCompile(`^ *(\$ +)?([A-Z_]+=\S* +)*((\./)?(bin/)?oarlock|oras|cosign[23]?|crane|regctl|regsync|make|curl|docker|(\./)?scripts/\S+)( |$)`)
)

// Parse reads a page. The error joins every breach of the rules of this
// package, each with its place.
func Parse(file, text string) (Page, error) {
	p := &parser{page: Page{Path: file}}
	for number, line := range strings.Split(text, "\n") {
		if merging.MatchString(line) {
			p.wrong(number+1, "a merge that is half done: %s", line)
		}
		p.line(number+1, line)
	}
	if p.open {
		p.wrong(p.block.Line, "the block does not end")
	}
	if p.reason != "" {
		p.wrong(p.reasonLine, "a reason not to run is not followed by a console block")
	}
	if p.page.Runs() && p.page.Follows == "" && file != Start {
		p.wrong(1, `commands are run here, and no line says which page they go on from: "Follows on from [the five-minute tour](../README.md#five-minute-tour)."`)
	}
	return p.page, errors.Join(p.problems...)
}

type parser struct {
	page       Page
	block      Block
	open       bool
	reason     string // of the line above, for the block that comes
	reasonLine int
	problems   []error
}

func (p *parser) wrong(line int, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("%s:%d: %s", p.page.Path, line, fmt.Sprintf(format, args...)))
}

func (p *parser) line(number int, line string) {
	mark := fence.FindStringSubmatch(line)
	switch {
	case p.open && mark != nil:
		p.open = false
		p.end()
	case p.open:
		p.block.Text += line + "\n"
	case mark != nil:
		p.open = true
		p.block = Block{Page: p.page.Path, Line: number + 1, Language: mark[1], Reason: p.reason}
		p.reason = ""
	default:
		p.prose(number, line)
	}
}

func (p *parser) prose(number int, line string) {
	if strings.HasPrefix(line, "    ") && command.MatchString(line) {
		p.wrong(number, "a command in an indented block, which nothing runs: fence it: %s", strings.TrimSpace(line))
	}
	if found := notRun.FindStringSubmatch(line); found != nil {
		p.reason, p.reasonLine = found[1], number
	}
	if found := follows.FindStringSubmatch(line); found != nil && p.page.Follows == "" {
		p.page.Follows = path.Join(path.Dir(p.page.Path), found[1])
	}
}

// end judges the block that was read and keeps it.
func (p *parser) end() {
	b := p.block
	switch {
	case b.Language == "sh":
		if b.Reason != "" {
			p.wrong(b.Line, "a block of sh is run, and the line above says that it is not: call it console")
		}
	case b.Language == "console":
		if !slices.Contains(Reasons, b.Reason) {
			p.wrong(b.Line, "not run for the reason %q: want <!-- not run: REASON --> above the block, with one of %q, or sh", b.Reason, Reasons)
		}
	case !slices.Contains(languages, b.Language):
		p.wrong(b.Line, "a block of %q: want sh, console or one of %q", b.Language, languages)
	case b.Language == "output" && !p.page.Runs():
		p.wrong(b.Line, "output with no block of sh before it")
	case b.Language != "output":
		p.noCommands(b)
	}
	if b.Language != "console" && b.Language != "sh" && b.Reason != "" {
		p.wrong(b.Line, "a reason not to run above a block of %q", b.Language)
	}
	p.page.Blocks = append(p.page.Blocks, b)
}

func (p *parser) noCommands(b Block) {
	for i, line := range strings.Split(b.Text, "\n") {
		if command.MatchString(line) {
			p.wrong(b.Line+i, "a command in a block of %q, which nothing runs: %s", b.Language, line)
		}
	}
}

// Chains orders pages by what they follow on from: each chain begins at [Start] and
// ends at a page with commands that none follows. A page that is followed and is not
// there, has no commands, or follows itself by a detour is an error.
func Chains(all []Page) ([][]Page, error) {
	byPath, followed := map[string]Page{}, map[string]bool{}
	for _, p := range all {
		if p.Runs() {
			byPath[p.Path] = p
			followed[p.Follows] = true
		}
	}
	var chains [][]Page
	for _, end := range slices.Sorted(maps.Keys(byPath)) {
		chain, err := chainTo(byPath, end)
		if err != nil {
			return nil, err
		}
		if !followed[end] {
			chains = append(chains, chain)
		}
	}
	return chains, nil
}

func chainTo(byPath map[string]Page, end string) ([]Page, error) {
	var chain []Page
	for at := end; at != ""; {
		p, found := byPath[at]
		if !found {
			return nil, fmt.Errorf("%s: follows on from %s, which has no commands to run", chain[0].Path, at)
		}
		if slices.ContainsFunc(chain, func(other Page) bool { return other.Path == at }) {
			return nil, fmt.Errorf("%s: follows on from itself", end)
		}
		chain = append([]Page{p}, chain...)
		at = p.Follows
	}
	return chain, nil
}
