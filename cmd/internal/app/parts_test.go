package app

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestPartsBeginInOrder: one that has to be up is up before the next begins,
// and no error of any part is lost.
func TestPartsBeginInOrder(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var said []string
	say := func(what string) { mu.Lock(); defer mu.Unlock(); said = append(said, what) }
	heard := make(chan struct{})
	one, two := errors.New("one broke"), errors.New("two broke at the end")
	ctx, stop := context.WithCancel(t.Context())
	broken, wait := begin(ctx, []part{
		{name: "first", run: func(ctx context.Context) error { say("first"); close(heard); <-ctx.Done(); return two },
			up: func(context.Context) { <-heard; say("up") }},
		{name: "second", run: func(context.Context) error { say("second"); return one }},
	})
	if err := <-broken; !errors.Is(err, one) || !strings.HasPrefix(err.Error(), "second: ") {
		t.Errorf("broken: %v", err)
	}
	stop()
	if err := wait(); !errors.Is(err, two) {
		t.Errorf("at the end: %v", err)
	}
	if !slices.Equal(said, []string{"first", "up", "second"}) {
		t.Errorf("in this order: %q", said)
	}
}

// TestABrokenPartEndsTheServer_L1: it says which, and everything else ends too.
func TestABrokenPartEndsTheServer_L1(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), configured(t), options(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(context.Background()) }()
	<-s.index.ingest.ReadyC()
	_ = s.listener.Close()
	if err := <-ended; err == nil || !strings.HasPrefix(err.Error(), "listener: ") {
		t.Errorf("Run: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestEachPeriodicTaskIsMeasured: what runs again and again says how often and
// when it did.
func TestEachPeriodicTaskIsMeasured(t *testing.T) {
	t.Parallel()
	s, _ := start(t, configured(t))
	resp, err := visitor.Get(s.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range []string{"signing_keys", "ended_credentials", "audit_retention", "audit_refusals", "namespaces", "quota_usage", "storage_reserve", "ledger_outbox", "garbage_collection", "scrub"} {
		if !strings.Contains(string(body), `oarlock_background_runs_total{task="`+task+`"}`) {
			t.Errorf("%s is not in /metrics", task)
		}
	}
}
