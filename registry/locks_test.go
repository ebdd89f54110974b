package registry

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
)

func TestLocksExcludeByKey(t *testing.T) {
	t.Parallel()
	l := newLocks()
	var inside, most int
	var mu sync.Mutex
	var done sync.WaitGroup
	for range 50 {
		done.Go(func() {
			unlock, err := l.Lock(t.Context(), "a", false)
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			mu.Lock()
			inside++
			most = max(most, inside)
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	done.Wait()
	if most != 1 || len(l.held) != 0 {
		t.Errorf("%d were inside at once, %d locks are left", most, len(l.held))
	}
}

func TestSharedLocksExcludeTheExclusiveOne(t *testing.T) {
	t.Parallel()
	l := newLocks()
	one, err1 := l.Lock(t.Context(), "a", true)
	two, err2 := l.Lock(t.Context(), "a", true)
	other, err3 := l.Lock(t.Context(), "b", false)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Lock(ctx, "a", false); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v while others share it, want canceled", err)
	}
	one()
	two()
	other()
	unlock, err := l.Lock(t.Context(), "a", false)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if len(l.held) != 0 {
		t.Errorf("%d locks are left", len(l.held))
	}
}

func TestPrefixesTakesTheLongest(t *testing.T) {
	t.Parallel()
	of := Prefixes(map[string]Settings{"free": {FreeTags: true}, "free/not": {}})
	for repo, want := range map[string]bool{"free": true, "free/a/b": true, "free/not/x": false, "freedom/x": false, "other": false} {
		if got := of(repo).FreeTags; got != want {
			t.Errorf("%s: %t, want %t", repo, got, want)
		}
	}
}

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

func TestOldUploadsArePurged(t *testing.T) {
	t.Parallel()
	now := time.Now()
	g, err := Open(t.Context(), Options{Driver: "inmemory", PurgeInterval: -1, UploadAge: time.Hour, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	d := digest.FromString("done").String()
	session := do(t, g, "POST", "/v2/acme/hello/blobs/uploads/", "").Header().Get("Location")
	do(t, g, "POST", "/v2/acme/hello/blobs/uploads/?digest="+d, "done")
	if n := g.PurgeUploads(t.Context()); n != 0 {
		t.Errorf("%d young uploads purged", n)
	}
	now = now.Add(2 * time.Hour)
	if n := g.PurgeUploads(t.Context()); n != 1 {
		t.Errorf("%d old uploads purged, want 1", n)
	}
	if w := do(t, g, "GET", session, ""); w.Code != 404 {
		t.Errorf("the purged upload answers %d", w.Code)
	}
	if w := do(t, g, "GET", "/v2/acme/hello/blobs/"+d, ""); w.Code != 200 {
		t.Errorf("a finished blob answers %d after the purge", w.Code)
	}
}
