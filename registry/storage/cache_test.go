package storage

import (
	"testing"
)

func TestCacheKeepsItsBudgetAndNothingStale(t *testing.T) {
	t.Parallel()
	c := newCache[int](100)
	began := c.begin()
	c.drop("a") // a change while the value was read
	c.put("a", 1, 10, began)
	if _, ok := c.get("a"); ok {
		t.Error("a value read before a change is kept after it")
	}
	for i := range 20 {
		c.put(string(rune('a'+i)), i, 20, c.begin())
	}
	if c.used > 100 || c.lru.Len() != 5 {
		t.Errorf("%d bytes in %d values, the budget is 100", c.used, c.lru.Len())
	}
	c.put("t", 99, 20, c.begin())
	if v, _ := c.get("t"); v != 99 || c.used > 100 {
		t.Errorf("replaced value is %d, %d bytes used", v, c.used)
	}
	var none *cache[int]
	none.put("a", 1, 1, none.begin())
	if _, ok := none.get("a"); ok {
		t.Error("no cache holds something")
	}
}
