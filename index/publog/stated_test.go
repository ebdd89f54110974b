package publog_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index/publog"
)

// Of a ledger that goes on, only what is new of it is read: a plugin that was moved a
// thousand times costs its next move no more than the first.
func TestOnlyWhatIsNewOfALedgerIsRead_G6(t *testing.T) {
	t.Parallel()
	const ledger = "acme/hello:oarlock-state"
	all := 0
	var asked []int
	o := options(opened(t, filepath.Join(t.TempDir(), "x.db")), &record{})
	o.Statements = func(_ context.Context, name string, after int) (out []publog.Event, _ error) {
		asked = append(asked, after)
		for n := after + 1; n <= all; n++ {
			out = append(out, publog.Event{Kind: publog.Lifecycle, Ledger: name, Sequence: n, Statement: "version.yanked",
				Digest: digest.FromString(name), At: noon.Add(time.Duration(n) * time.Second)})
		}
		return out, nil
	}
	l := logOf(t, o)
	for _, n := range []int{3, 4, 4, 6} {
		all = n
		l.Stated(ledger)
		if err := l.Advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, c := l.Checkpoint(); c.N != int64(n) {
			t.Errorf("%d leaves of %d statements", c.N, n)
		}
	}
	if want := []int{0, 3, 4, 4}; !slices.Equal(asked, want) {
		t.Errorf("asked for what came after %v, expected %v", asked, want)
	}
}
