//go:build e2e

package drill

import (
	"os"
	"testing"
	"time"
)

// tenth reports whether this run is a small one, as scripts/drill/run says.
func tenth() bool { return os.Getenv("DRILL_TENTH") != "" }

// N is how many of something this run has, where a full one has full of them.
func N(full int) int {
	if tenth() {
		return max(full/10, 1)
	}
	return full
}

// Within says how long something took, and wants it done within most where the
// run is a full one. A small one beside other work says nothing about times.
func Within(t *testing.T, what string, took, most time.Duration) {
	t.Helper()
	t.Logf("%s: %v, at most %v", what, took.Round(time.Millisecond), most)
	if took > most && !tenth() {
		t.Errorf("%s took %v, expected at most %v", what, took, most)
	}
}
