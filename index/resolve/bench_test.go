package resolve_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index/resolve"
)

// bigWorld has 100,000 plugins. The first 200 have 10 versions each, and plugin
// n needs the four next ones of its group of 50, so that the closure of the
// first of a group is the group. The others are there to be looked past.
func bigWorld(b *testing.B) world {
	w := world{}
	for n := range 100_000 {
		var lines []string
		for v := 10; v > 0; v-- {
			var needs []string
			for d := n + 1; d <= n+4 && d/50 == n/50; d++ {
				needs = append(needs, fmt.Sprintf("acme/p%d >=%d", d, (v+1)/2))
			}
			line := fmt.Sprintf("acme/p%d %d.0.0", n, v)
			if len(needs) > 0 {
				line += " needs " + strings.Join(needs, ", ")
			}
			lines = append(lines, line)
		}
		if n >= 200 {
			lines = lines[:1]
			lines[0], _, _ = strings.Cut(lines[0], " needs ")
		}
		for id, c := range worldOf(b, strings.Join(lines, "\n")) {
			w[id] = c
		}
	}
	return w
}

func BenchmarkClosureOf50In100kPlugins(b *testing.B) {
	w := bigWorld(b)
	r := request(b, "acme/p50, acme/p99 <9")
	for b.Loop() {
		got, err := resolve.Resolve(b.Context(), w, r)
		if err != nil || len(got) != 50 {
			b.Fatal(len(got), err)
		}
	}
}

func BenchmarkProofThatNothingFits(b *testing.B) {
	w, r := pigeons(b, 6)
	for b.Loop() {
		if _, err := resolve.Resolve(b.Context(), w, r); err == nil {
			b.Fatal("seven pigeons in six holes")
		}
	}
}

func BenchmarkGivingUp(b *testing.B) {
	w, r := pigeons(b, 12)
	for b.Loop() {
		if _, err := resolve.Resolve(b.Context(), w, r); err == nil {
			b.Fatal("thirteen pigeons in twelve holes")
		}
	}
}
