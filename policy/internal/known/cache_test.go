package known_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/policy/internal/known"
)

// TestItStaysWithinItsBudget_K4: whoever fills it drops what is oldest, and a
// value that would drop all others is not kept.
func TestItStaysWithinItsBudget_K4(t *testing.T) {
	t.Parallel()
	const budget = 64 << 10
	c := known.New[int](budget)
	var all sync.WaitGroup
	for side := range 4 {
		all.Go(func() {
			for i := range 2000 {
				c.Add(fmt.Sprint(side, " ", i), i, i%512)
				c.Add(fmt.Sprint(side, " ", i), i+1, i%512)
				if used := c.Used(); used > budget {
					t.Errorf("%d bytes of %d", used, budget)
					return
				}
			}
		})
	}
	all.Wait()
	if _, ok := c.Get("0 0"); ok {
		t.Error("the oldest stayed")
	}
	c.Add("kept", 7, 1)
	c.Add("vast", 8, budget)
	if v, ok := c.Get("kept"); v != 7 || !ok {
		t.Errorf("got %d, %t", v, ok)
	}
	if _, ok := c.Get("vast"); ok {
		t.Error("a value as large as the budget was kept")
	}
	before := c.Used()
	c.Add("kept", 9, 1)
	if v, _ := c.Get("kept"); v != 9 || c.Used() != before {
		t.Errorf("got %d, and %d bytes after %d", v, c.Used(), before)
	}
}

func TestNoBudgetHoldsNothing(t *testing.T) {
	t.Parallel()
	c := known.New[int](0)
	c.Add("a", 1, 1)
	if _, ok := c.Get("a"); ok || c.Used() != 0 {
		t.Error("it holds something")
	}
}
