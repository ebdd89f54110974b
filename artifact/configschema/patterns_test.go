package configschema

import (
	"math"
	"regexp/syntax"
	"testing"
)

// Proves I4: what a pattern takes is told before it is compiled, and never as less
// than it is, nor much more.
func TestTheSizeOfAPatternIsToldBefore_I4(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `a`, `^abc$`, `(?i)abc`, `a|b|cd|`, `a*`, `a+?`, `(a?b)*c`, `x{0}`, `x{0,}`, `x{2,}`, `x{2,4}`, `x{7}`, `(x{3}){4,9}`, `(|a){20}`, `(){9}`,
		`((a*)*){5}`, `\b[^x]{9}`, `\pL{30}`, `.{1000}`, `(a|b|){3,}`, `[]a]`, `[^\x00-\x{10FFFF}]`, `(?:ab|[c-e]{2,5}|\w+@\w+)`,
		`[a-z]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z]([a-z0-9-]{0,61}[a-z0-9])?)*`,
	} {
		parsed, err := syntax.Parse(text, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		prog, err := syntax.Compile(parsed.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		const ends = 2 // each program has one instruction that fails, and one that ends it
		weight, size, err := weigh(text)
		if is := len(prog.Inst) - ends; err != nil || size < is || size > 2*is+4 || weight < size {
			t.Errorf("%q: size %d and weight %d, %v; it has %d instructions", text, size, weight, err, is)
		}
		if n := instructions(parsed, math.MaxInt); n != size {
			t.Errorf("%q: size %d, then %d", text, n, size)
		}
	}
}

// Proves I4: a pattern of a schema is compiled once, whoever asks for it.
func TestAPatternIsCompiledOnce_I4(t *testing.T) {
	t.Parallel()
	s, err := Parse([]byte(`{"pattern":"a+b"}`))
	if err != nil {
		t.Fatal(err)
	}
	if used, is := s.compiled.Pattern.(pattern); !is || used.Regexp != s.doc.programs["a+b"].Regexp {
		t.Error("the pattern that is applied is another than the one that was read")
	}
}
