package notify

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// Proves K2: an endpoint that answers late waits among the slow ones for an hour, whatever
// it answers; one that fails is left alone for pauses that grow, or for as long as it
// asks, and one success ends that.
func TestHealthFollowsTheAnswers_K2(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	late, quick, busy := Answer{Took: slowAfter}, Answer{Took: slowAfter - 1}, errors.New("busy")
	h := healthAfter(Health{}, now, late, 0, nil)
	if h != (Health{SlowUntil: now.Add(slowFor)}) {
		t.Errorf("after a late answer: %+v", h)
	}
	if h = healthAfter(h, now.Add(time.Minute), quick, 0, busy); h.SlowUntil != now.Add(slowFor) || h.Failures != 1 ||
		h.FailingSince != now.Add(time.Minute) || h.PausedUntil != now.Add(time.Minute+FirstPause) {
		t.Errorf("after a failure: %+v", h)
	}
	if h = healthAfter(h, now.Add(2*time.Minute), quick, 0, busy); h.Failures != 2 || h.FailingSince != now.Add(time.Minute) ||
		h.PausedUntil != now.Add(2*time.Minute+2*FirstPause) {
		t.Errorf("after another: %+v", h)
	}
	if h = healthAfter(h, now, quick, time.Hour, busy); h.PausedUntil != now.Add(time.Hour) {
		t.Errorf("after one that asks for an hour: %+v", h)
	}
	if h = healthAfter(h, now, quick, 0, ErrGone); h.GoneAt != now {
		t.Errorf("after 410: %+v", h)
	}
	if h = healthAfter(h, now, quick, 0, nil); h != (Health{SlowUntil: now.Add(slowFor)}) {
		t.Errorf("after a success: %+v", h)
	}
}

// Proves K2: Retry-After is seconds or a time, and a day at most; what is neither asks
// for nothing.
func TestRetryAfterIsBounded_K2(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "1.5": 0, "0": 0, " 600 ": 10 * time.Minute, "86401": longestRetryAfter, "2147483647": longestRetryAfter,
		"99999999999999999999": 0, "Fri, 02 Jan 2026 13:00:00 GMT": time.Hour, "Fri, 02 Jan 2026 11:00:00 GMT": 0, "Fri, 02 Jan 2099 11:00:00 GMT": longestRetryAfter,
	} {
		if got := retryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
