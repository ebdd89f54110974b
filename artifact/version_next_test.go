package artifact

import (
	"fmt"
	"testing"
)

// Proves D7: what is offered is free, above what is there, and the next of its kind.
func TestNextFreeVersions_D7(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		taken string
		rest  []string
		want  string
	}{
		{"1.0.0", nil, "[1.0.1 1.1.0 2.0.0]"},
		{"1.0.0", []string{"1.0.1", "1.1.0", "2.0.0"}, "[1.0.2 1.2.0 3.0.0]"},
		{"1.0.0", []string{"1.0.7", "1.4.2", "5.0.1"}, "[1.0.8 1.5.0 6.0.0]"},
		{"1.2.3", []string{"0.9.0", "1.1.9", "1.2.1"}, "[1.2.4 1.3.0 2.0.0]"},
		{"1.2.0-rc.1", nil, "[1.2.0 1.3.0 2.0.0]"},
		{"1.2.0-rc.1", []string{"1.2.0"}, "[1.2.1 1.3.0 2.0.0]"},
		{"1.0.0", []string{"1.0.1-rc.1", "1.0.1-rc.2"}, "[1.0.1 1.1.0 2.0.0]"},
		{"1.0.0+a", []string{"1.0.1+b"}, "[1.0.2 1.1.0 2.0.0]"},
		{"1.18446744073709551615.0", nil, "[1.18446744073709551615.1 2.0.0]"},
	} {
		v, err := ParseVersion(row.taken)
		if err != nil {
			t.Fatal(err)
		}
		taken := []Version{v}
		for _, s := range row.rest {
			o, err := ParseVersion(s)
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, o)
		}
		if got := fmt.Sprint(NextFreeVersions(v, taken).All()); got != row.want {
			t.Errorf("%s beside %v: %s, want %s", row.taken, row.rest, got, row.want)
		}
	}
}
