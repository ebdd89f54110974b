package clock

import (
	"testing"
	"time"
)

func TestOffset(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, 48 * time.Hour, -90 * time.Second} {
		before := time.Now()
		got := Offset(d).Now()
		if after := time.Now(); got.Before(before.Add(d)) || got.After(after.Add(d)) {
			t.Errorf("%v ahead: %v, want it between %v and %v", d, got, before.Add(d), after.Add(d))
		}
	}
	<-Clock{}.NewTimer(time.Nanosecond).C
}

func TestHand(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	h := NewHand(start)
	c := h.Clock()
	late, soon, gone := c.NewTimer(2*time.Hour), c.NewTimer(time.Hour), c.NewTimer(time.Minute)
	if !gone.Stop() || gone.Stop() {
		t.Error("a waiting timer stops once")
	}
	if err := h.Await(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	h.Advance(time.Hour)
	if got := <-soon.C; !got.Equal(start.Add(time.Hour)) || soon.Stop() {
		t.Errorf("the timer of an hour fired at %v", got)
	}
	select {
	case got := <-late.C:
		t.Errorf("the timer of two hours fired at %v", got)
	default:
	}
	if got := c.Since(start); got != time.Hour {
		t.Errorf("an hour later it is %v later", got)
	}
	if got := <-c.NewTimer(0).C; !got.Equal(start.Add(time.Hour)) {
		t.Errorf("a timer of nothing fired at %v", got)
	}
}

// TestAwait: a test that moves the clock waits until the part sleeps.
func TestAwait(t *testing.T) {
	t.Parallel()
	h := NewHand(time.Unix(0, 0))
	done := make(chan time.Time)
	go func() { done <- <-h.Clock().NewTimer(24 * time.Hour).C }()
	if err := h.Await(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	h.Advance(24 * time.Hour)
	if got := <-done; !got.Equal(time.Unix(86400, 0)) {
		t.Errorf("fired at %v", got)
	}
}
