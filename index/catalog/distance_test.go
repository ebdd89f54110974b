package catalog

import (
	"testing"

	"pgregory.net/rapid"
)

// plainDistance is the whole table, without bands and early ends.
func plainDistance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
				continue
			case x[i-1] == y[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
			}
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(x)][len(y)]
}

func TestDistanceIsThatOfTheWholeTable_C4(t *testing.T) {
	t.Parallel()
	word := rapid.StringOfN(rapid.SampledFrom([]rune("abcdé")), 1, 9, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b, most := word.Draw(t, "a"), word.Draw(t, "b"), rapid.IntRange(1, 2).Draw(t, "most")
		want := plainDistance(a, b)
		if got := newPattern(a).distance(b); got != want {
			t.Fatalf("%q is %d from %q, the table says %d", a, got, b, want)
		}
		if want <= most && !signOf(a).mayBeNear(signOf(b), most) {
			t.Fatalf("signs rule out %q and %q, which are %d apart", a, b, want)
		}
	})
}
