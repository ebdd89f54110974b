package app

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index"
)

// TestTheServerGoesByOneClock: a test that moves it sees days pass in all parts
// and sleeps through none of them.
func TestTheServerGoesByOneClock(t *testing.T) {
	t.Parallel()
	hand := clock.NewHand(time.Now())
	c := configured(t)
	c.Dev = false
	var notice bytes.Buffer
	o := options(&notice)
	o.Clock = hand.Clock()
	s, _ := startBy(t, c, o)
	admin := tokenText.FindString(notice.String())
	ends := hand.Clock().Now().Add(time.Hour).UTC()
	brief := ask[index.CreatedToken](t, s, admin, http.MethodPost, "/api/v1/tokens", index.NewToken{Kind: "admin", Label: "brief", ExpiresAt: ends}, http.StatusCreated)
	ask[any](t, s, brief.Secret, http.MethodGet, "/api/v1/tokens", nil, http.StatusOK)
	asleep(t, s, hand)
	if ran := ranOf(s, "garbage_collection").Runs; ran != 0 {
		t.Fatalf("garbage was collected %d times before its time", ran)
	}
	hand.Advance(c.GC.Every + c.GC.Every/10)
	asleep(t, s, hand)
	ask[any](t, s, brief.Secret, http.MethodGet, "/api/v1/tokens", nil, http.StatusUnauthorized)
	for _, task := range []string{"garbage_collection", "scrub", "ended_credentials", "signing_keys"} {
		if got := ranOf(s, task); got.Runs != 1 || got.Err != nil || got.Ended.Before(ends) {
			t.Errorf("a day later: %+v", got)
		}
	}
}

// jobKinds is how many kinds of jobs wait for the clock (statements, emergencies, events,
// those that could not be read, and two lanes of webhooks), with the publication log and who carries it.
const jobKinds = 8

// asleep waits until no periodic task runs, nor a job.
func asleep(t *testing.T, s *Server, hand *clock.Hand) {
	t.Helper()
	if err := hand.Await(t.Context(), len(s.tasks.Status())+jobKinds); err != nil {
		t.Fatal(err)
	}
}

func ranOf(s *Server, name string) periodic.Status {
	for _, st := range s.tasks.Status() {
		if st.Name == name {
			return st
		}
	}
	return periodic.Status{}
}

// TestTheClockOfADrillIsShifted: what the server dates is dated by it.
func TestTheClockOfADrillIsShifted(t *testing.T) {
	t.Parallel()
	c := configured(t)
	c.Drill.ClockOffset = 48 * time.Hour
	s, _ := start(t, c)
	before := time.Now().Add(48 * time.Hour).Add(-time.Minute)
	got := ask[index.Namespace](t, s, "", http.MethodPost, "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	if got.CreatedAt.Before(before) {
		t.Errorf("claimed at %v, want it after %v", got.CreatedAt, before)
	}
}
