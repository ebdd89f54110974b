package configschema

import (
	"math"
	"regexp"
	"regexp/syntax"
	"strings"
)

// The limits of what patterns are compiled to, in instructions. A few bytes can
// repeat a part to a large program, and one instruction takes about half a
// microsecond to compile and a kilobyte of memory.
const (
	MaxProgram  = 10_000
	MaxPrograms = 40_000 // of all patterns of a schema together
)

// A program is a compiled pattern. Its size, in instructions, is at least the true one.
type program struct {
	*regexp.Regexp
	size int
}

// steps is what matching a text takes.
func (p program) steps(text string) int { return 1 + len(text)*p.size/1000 }

// Parts of a pattern that take long to read, before they are any program: a range of
// characters that goes far, where case is ignored, looks at each character of it.
var (
	ignoresCase = regexp.MustCompile(`\(\?[imsU-]*i`)
	wideRange   = regexp.MustCompile(`-(\\x\{|[^\x00-\x7f])`)
)

// weigh gives what reading and compiling a pattern takes, in instructions, and the
// size of its program. It compiles nothing, and does not read what is too costly to.
func weigh(text string) (weight, size int, err error) {
	weight = 50 * (strings.Count(text, `\p`) + strings.Count(text, `\P`))
	if ignoresCase.MatchString(text) {
		weight += 2500 * len(wideRange.FindAllString(text, -1))
	}
	if weight > MaxProgram {
		return weight, 0, nil
	}
	re, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return weight, 0, err
	}
	return weight + instructions(re, 64), instructions(re, math.MaxInt), nil
}

// instructions is how many a parsed pattern is compiled to, at most. So many ends of
// ranges in a class of characters count for one more: each instruction of the class
// may get a copy of them.
func instructions(re *syntax.Regexp, ends int) int {
	n := 0
	for _, sub := range re.Sub {
		n += instructions(sub, ends)
	}
	switch re.Op {
	case syntax.OpLiteral:
		n = len(re.Rune)
	case syntax.OpCharClass:
		n = 1 + len(re.Rune)/ends
	case syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		n += 2
	case syntax.OpAlternate:
		n += len(re.Sub)
	case syntax.OpRepeat: // x{2,} is xx+, and x{2,4} is xx(x(x)?)?
		n = n*max(re.Min, re.Max, 1) + max(re.Max-re.Min, 0) + 2
	}
	return max(n, 1)
}

// compile compiles a pattern that weigh has found to be small enough.
func compile(text string, size int) (program, error) {
	re, err := regexp.Compile(text)
	return program{re, size}, err
}

// pattern takes down a pattern.
func (d *document) pattern(at, text string) {
	if len(text) > MaxPattern {
		d.problem(at, "the pattern has %d bytes, expected at most %d", len(text), MaxPattern)
		return
	}
	if _, is := d.programs[text]; is || d.weight > MaxPrograms {
		return // it is known, or has been refused
	}
	weight, size, err := weigh(text)
	d.weight += weight
	switch {
	case err != nil:
	case weight > MaxProgram:
		d.problem(at, "the pattern %.80q takes %d instructions, expected at most %d; repeat less of it, or limit the length by maxLength",
			text, weight, MaxProgram)
		return
	case d.weight > MaxPrograms:
		d.problem(at, "the patterns up to here take %d instructions, expected at most %d in all of the schema", d.weight, MaxPrograms)
		return
	default:
		d.programs[text], err = compile(text, size)
	}
	if err != nil {
		d.problem(at, "the pattern %.80q: %s; expected the syntax of RE2, which has no lookaround and no references back", text, err)
	}
}
