package auth

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestConfusable_B4(t *testing.T) {
	t.Parallel()
	existing := []string{"acme-tools", "hello", "corner", "wave", "lists", "acme"}
	reserved := []string{"oarlock", "microsoft", "root"}
	for name, want := range map[string]string{
		"acme-tools": "acme-tools", "acmetools": "acme-tools", "acme_tools": "acme-tools", "a-c-m-e-tools": "acme-tools",
		"acme-to0ls": "acme-tools", "acme-toois": "acme-tools", "acme-tool5": "acme-tools", "acrne-tools": "acme-tools",
		"ACME-Tools": "acme-tools", "hel1o": "hello", "he11o": "hello", "helo": "hello", "helllo": "hello", "heilo": "hello",
		"comer": "corner", "vvave": "wave", "l1sts": "lists", "listss": "lists", "accme": "acme",
		"oarlok": "oarlock", "oarlocks": "oarlock", "oarlcok": "oarlock", "0arlock": "oarlock", "oarl0ck": "oarlock", "oar-lock": "oarlock",
		"microsft": "microsoft", "micr0s0ft": "microsoft", "rnicrosoft": "microsoft", "microzoft": "microsoft", "oot": "", "roots": "",
		"acme-tooling": "", "acm": "", "acmes": "", "hallo": "", "jello": "", "lathe": "", "oarsman": "", "micro": "", "waves": "",
	} {
		got, yes := Confusable(name, existing, reserved)
		if got != want || yes != (want != "") {
			t.Errorf("%q resembles %q, want %q", name, got, want)
		}
	}
}

// TestLookalikeIsMutual: of two names that look alike either refuses the other.
func TestLookalikeIsMutual(t *testing.T) {
	t.Parallel()
	letter := rapid.SampledFrom(strings.Split("a b o 0 1 l i s 5 r n m v w -", " "))
	name := rapid.Custom(func(t *rapid.T) string {
		return "x" + strings.Join(rapid.SliceOfN(letter, 1, 6).Draw(t, "letters"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		x, y := name.Draw(t, "x"), name.Draw(t, "y")
		_, one := Confusable(x, []string{y}, nil)
		_, other := Confusable(y, []string{x}, nil)
		_, protected := Confusable(x, nil, []string{y})
		if one != other || one && !protected {
			t.Fatalf("%q and %q: %v, %v, protected %v", x, y, one, other, protected)
		}
		if _, self := Confusable(x, []string{x}, nil); !self {
			t.Fatalf("%q does not resemble itself", x)
		}
	})
}

// TestLookalikeSubstitution_B4: a name with one character written as another
// that looks like it, or a pair of characters as one, is refused, whichever of
// the two was there first.
func TestLookalikeSubstitution_B4(t *testing.T) {
	t.Parallel()
	pairs := [][2]string{{"o", "0"}, {"l", "1"}, {"i", "1"}, {"l", "i"}, {"e", "3"}, {"a", "4"}, {"s", "5"}, {"t", "7"}, {"b", "8"}, {"m", "rn"}, {"w", "vv"}, {"d", "cl"}}
	part := rapid.StringMatching(`[a-z0-9]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		pair := rapid.SampledFrom(pairs).Draw(t, "pair")
		before, after := part.Draw(t, "before"), part.Draw(t, "after")
		x, y := before+pair[0]+after, before+pair[1]+after
		for _, two := range [][2]string{{x, y}, {y, x}} {
			if other, yes := Confusable(two[0], []string{two[1]}, nil); !yes || other != two[1] {
				t.Fatalf("%q does not resemble %q", two[0], two[1])
			}
		}
	})
	for name, known := range map[string]string{"acm3": "acme", "s4les": "sales", "doud": "cloud", "cloud": "doud", "7eam": "team", "8ase": "base"} {
		if other, _ := Confusable(name, []string{known}, nil); other != known {
			t.Errorf("%q resembles %q, want %q", name, other, known)
		}
	}
}

// TestLookalikeNasals_B4: n, nn and m are told apart by one stroke, so that one
// of them written as another makes a look-alike of names of four letters and more.
// Two such changes, and shorter names, do not.
func TestLookalikeNasals_B4(t *testing.T) {
	t.Parallel()
	part := rapid.StringMatching(`[a-z0-9]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		two := rapid.Permutation([]string{"n", "nn", "m"}).Draw(t, "pair")
		before, after := part.Draw(t, "before"), part.Draw(t, "after")
		if len(strokes(before))+len(strokes(after)) < minNasalLength-1 {
			return
		}
		x, y := before+two[0]+after, before+two[1]+after
		if other, yes := Confusable(x, []string{y}, nil); !yes || other != y {
			t.Fatalf("%q does not resemble %q", x, y)
		}
		if !shareKey(x, y) {
			t.Fatalf("%q and %q race: no key is in both %q and %q", x, y, LookalikeKeys(x), LookalikeKeys(y))
		}
	})
	for name, known := range map[string]string{
		"acne": "acme", "acme": "acne", "acnne": "acme", "acn3": "acme", "acme-tools": "acnetools", "turn": "turm",
	} {
		if other, _ := Confusable(name, []string{known}, nil); other != known {
			t.Errorf("%q resembles %q, want %q", name, other, known)
		}
	}
	for name, known := range map[string]string{ // too short to tell, or more than one stroke
		"vim": "vin", "nim": "min", "mane": "name", "secretcom": "secretco", "waves": "wave", "hallo": "hello", "tools1": "tools2", "corn": "con",
	} {
		if _, yes := Confusable(name, []string{known}, nil); yes {
			t.Errorf("%q resembles %q: it is a name of its own", name, known)
		}
	}
	if other, yes := Confusable("oarlocks", nil, []string{"oarlock"}); !yes || other != "oarlock" {
		t.Errorf("one letter more than a protected name resembles %q", other)
	}
}

func shareKey(x, y string) bool {
	keys := LookalikeKeys(y)
	return slices.ContainsFunc(LookalikeKeys(x), func(k string) bool { return slices.Contains(keys, k) })
}

func TestOneEdit(t *testing.T) {
	t.Parallel()
	for pair, want := range map[string]bool{
		"a a": true, "abc abc": true, "abc abd": true, "abc ab": true, "abc abcd": true, "abc bac": true, "abc acb": true, "abc xabc": true,
		"abc cba": false, "abc a": false, "abc xyc": false, "abcd badc": false, "abc abcde": false,
	} {
		s, u, _ := strings.Cut(pair, " ")
		if got := oneEdit(s, u); got != want || oneEdit(u, s) != want {
			t.Errorf("%s: %v", pair, got)
		}
	}
}

// TestLookalikesAmongMany: a question among 100,000 names takes microseconds.
func TestLookalikesAmongMany(t *testing.T) {
	t.Parallel()
	l := NewLookalikes(ReservedNames())
	for i := range 100_000 {
		l.Add(fmt.Sprintf("team%dx%cq", i, 'a'+i%26))
	}
	began := time.Now()
	const questions = 1000
	for i := range questions {
		if _, yes := l.Resembles(fmt.Sprintf("group-%d-z", i)); yes {
			t.Fatal("a stranger resembles somebody")
		}
	}
	if each := time.Since(began) / questions; each > time.Millisecond {
		t.Errorf("%s for each question", each)
	}
	if other, yes := l.Resembles("team-99999-xdq"); !yes {
		t.Errorf("got %q", other)
	}
}

func BenchmarkResembles(b *testing.B) {
	l := NewLookalikes(ReservedNames())
	for i := range 100_000 {
		l.Add(fmt.Sprintf("team%dx", i))
	}
	for b.Loop() {
		l.Resembles("group-tools")
	}
}
