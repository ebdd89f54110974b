package entitlement_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/oarlock/oarlock/policy/entitlement"
	"github.com/oarlock/oarlock/policy/entitlement/entitlementtest"
)

// TestNoClockRevivesWhatLapsed_I11: whatever a clock does between two looks, what
// was refused once since something was signed is not granted before something newer
// is; and what was not refused is never granted beyond its own end.
func TestNoClockRevivesWhatLapsed_I11(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	on := []entitlement.Expiry{entitlement.Block, entitlement.Fallback}
	rapid.Check(t, func(t *rapid.T) {
		days := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from*24, to*24).Draw(t, name)) * time.Hour
		}
		until := start.Add(days("licence", 0, 60))
		s := entitlement.State{
			Plugin: "acme/paid", At: start, Need: entitlement.Required, Seat: entitlement.SeatHeld,
			Terms: &entitlement.Terms{ID: "L1", Type: entitlement.Subscription, Until: until, OnExpiry: rapid.SampledFrom(on).Draw(t, "on expiry")},
			Lease: &entitlement.Lease{Holder: "host:a", IssuedAt: start, ExpiresAt: start.Add(entitlementtest.LeaseFor), GraceUntil: start.Add(entitlementtest.LeaseFor + entitlementtest.Grace)},
		}
		released := start.Add(days("released", -30, 70))
		began, own := start, start
		w, _ := entitlement.Watch{}.Saw(start, own)
		lapsed := false
		for range rapid.IntRange(1, 30).Draw(t, "looks") {
			if own = began.Add(days("clock", -3, 30)); rapid.IntRange(0, 9).Draw(t, "far") == 0 {
				own = own.Add(days("jump", -20000, 20000))
			}
			if rapid.Bool().Draw(t, "a catalog") {
				w, _ = w.Saw(began.Add(days("signed", -10, 40)), own)
			}
			if rapid.IntRange(0, 3).Draw(t, "renewed") == 0 {
				start = start.Add(time.Second)
				s.At, lapsed = start, false // newer, and what it says of the lease is as old
			}
			var a entitlement.Answer
			w, a = w.Judge(s, own, released)
			switch granted := a.Outcome().Allowed(); {
			case granted && lapsed:
				t.Fatalf("granted at %s after it had lapsed: %s", own, a.Reason)
			case granted && !own.Before(s.Lease.GraceUntil):
				t.Fatalf("granted at %s, after the grace: %s", own, a.Reason)
			case granted && !own.Before(until) && !released.Before(until):
				t.Fatalf("granted at %s, after the licence: %s", own, a.Reason)
			case a.Code == entitlement.SubscriptionExpired:
				lapsed = true
			}
		}
	})
}

// TestASignedTimeIsAFloorWithinADay_I11: up to a day ahead of the own clock it is
// believed, and beyond that it changes nothing.
func TestASignedTimeIsAFloorWithinADay_I11(t *testing.T) {
	t.Parallel()
	own := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	w, suspect := entitlement.Watch{}.Saw(own.Add(entitlement.Ahead), own)
	if suspect || !w.Floor.Equal(own.Add(24*time.Hour)) {
		t.Errorf("a day ahead: %v, %s", suspect, w.Floor)
	}
	if next, suspect := w.Saw(own.Add(entitlement.Ahead+1), own); !suspect || !next.Floor.Equal(w.Floor) {
		t.Errorf("more than a day ahead: %v, %s", suspect, next.Floor)
	}
	if next, _ := w.Saw(own, own); !next.Floor.Equal(w.Floor) {
		t.Errorf("an older one moved the floor to %s", next.Floor)
	}
	if at := w.At(own, own); at.Suspect || !at.Now.Equal(w.Floor) {
		t.Errorf("a clock behind the floor is %v", at)
	}
	if at := w.At(own, own.Add(-time.Second)); !at.Suspect {
		t.Errorf("a clock that is more than a day behind the floor is %v", at)
	}
}
