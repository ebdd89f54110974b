package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

func TestRateLimitPerPrincipal_B7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	limit := NewLimiter("requests", Rate{PerSecond: 0.5, Burst: 2}, s.clock.Now)
	h := s.auth.Limited(limit, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil, nil)
	ask := func(p Principal, from string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v2/", nil)
		r.RemoteAddr = from + ":1234"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(With(r.Context(), p)))
		return w
	}
	ada := Principal{Kind: Person, Name: "person:ada"}
	for range 2 {
		if w := ask(ada, "192.0.2.1"); w.Code != 200 {
			t.Fatalf("%d", w.Code)
		}
	}
	w := ask(ada, "192.0.2.2")
	if w.Code != 429 || w.Header().Get("Retry-After") != "2" {
		t.Fatalf("the third: %d, retry after %q", w.Code, w.Header().Get("Retry-After"))
	}
	if w := ask(Principal{Kind: Person, Name: "person:bob"}, "192.0.2.1"); w.Code != 200 {
		t.Errorf("somebody else: %d", w.Code)
	}
	for i, want := range []int{200, 200, 429} {
		if w := ask(Nobody(), "192.0.2.1"); w.Code != want {
			t.Errorf("nobody from one address, request %d: %d", i, w.Code)
		}
	}
	if w := ask(Nobody(), "192.0.2.2"); w.Code != 200 {
		t.Errorf("nobody from another address: %d", w.Code)
	}
	s.clock.move(2 * time.Second)
	if w := ask(ada, "192.0.2.1"); w.Code != 200 {
		t.Errorf("after the time to wait: %d", w.Code)
	}
}

func TestLimiterForgetsTheQuiet(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLimiter("x", Rate{PerSecond: 1, Burst: 1}, c.Now)
	for i := range maxLimited {
		if err := l.Take(fmt.Sprint("early ", i), 1); err != nil {
			t.Fatal(err)
		}
	}
	c.move(time.Minute)
	if err := l.Take("busy", 1); err != nil {
		t.Fatal(err)
	}
	if n := len(l.buckets); n != 1 {
		t.Errorf("%d buckets after a quiet minute", n)
	}
	if err := l.Take("busy", 1); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("the busy one: %v", err)
	}
	if err := l.Take("greedy", 2); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("more than the burst at once: %v", err)
	}
	if err := NewLimiter("off", Rate{}, nil).Take("anybody", 1000); err != nil {
		t.Errorf("the zero rate: %v", err)
	}
}

// TestComingFromManyPlacesForgivesNobody_B7: whoever used up what he may is not as
// new because others, or he from elsewhere, fill the memory.
func TestComingFromManyPlacesForgivesNobody_B7(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLimiter("x", Rate{PerSecond: 0.001, Burst: 3}, c.Now)
	for range 3 {
		if err := l.Take("attacker", 1); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 * maxLimited {
		if err := l.Take(fmt.Sprint("place ", i), 1); err != nil {
			t.Fatal(err)
		}
		if len(l.buckets) > maxLimited {
			t.Fatalf("%d buckets are kept", len(l.buckets))
		}
	}
	if err := l.Take("attacker", 1); !errors.Is(err, artifact.ErrDenied) {
		t.Errorf("the attacker begins anew: %v", err)
	}
}

// TestANetworkIsOneCaller_B7: with IPv6 a sender has 64 bits of addresses.
func TestANetworkIsOneCaller_B7(t *testing.T) {
	t.Parallel()
	for a, b := range map[string]string{
		"2001:db8:1:2::1": "2001:db8:1:2:ffff:ffff:ffff:ffff", "fe80::1%eth0": "fe80::2", "::ffff:192.0.2.1": "192.0.2.1",
	} {
		if callerFrom(a) != callerFrom(b) {
			t.Errorf("%s counts as %q, and %s as %q", a, callerFrom(a), b, callerFrom(b))
		}
	}
	for a, b := range map[string]string{"2001:db8:1:2::1": "2001:db8:1:3::1", "192.0.2.1": "192.0.2.2", "::ffff:192.0.2.1": "::ffff:192.0.2.2", "": "@"} {
		if callerFrom(a) == callerFrom(b) {
			t.Errorf("%s and %s count as one, %q", a, b, callerFrom(a))
		}
	}
	s := newSite(t)
	h := s.auth.Limited(NewLimiter("requests", Rate{PerSecond: 0.001, Burst: 2}, s.clock.Now), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil, nil)
	for i, want := range []int{200, 200, 429} {
		r := httptest.NewRequest("GET", "/v2/", nil)
		r.RemoteAddr = fmt.Sprintf("[2001:db8::%d]:1234", i+1)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(With(r.Context(), Nobody())))
		if w.Code != want {
			t.Errorf("request %d of one network: %d, want %d", i, w.Code, want)
		}
	}
}
