package entitlement_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/oarlock/oarlock/policy"
	"github.com/oarlock/oarlock/policy/entitlement"
	"github.com/oarlock/oarlock/policy/entitlement/entitlementtest"
)

// TestEachCaseHasItsAnswer_I5: one table and one function, by what is known and by
// what a host is told of it, whatever order the licences come in.
func TestEachCaseHasItsAnswer_I5(t *testing.T) {
	t.Parallel()
	for _, c := range entitlementtest.Cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Want.Check(t, entitlement.Judge(c.State(t), entitlement.Instant{Now: c.Now}, c.Released))
			told := carried(t, c.State(t))
			_, a := entitlement.Watch{}.Judge(told, c.Now, c.Released)
			c.Want.Check(t, a)
			slices.Reverse(c.Licenses)
			c.Want.Check(t, entitlement.Judge(c.State(t), entitlement.Instant{Now: c.Now}, c.Released))
		})
	}
}

// carried is s as a document carries it.
func carried(t *testing.T, s entitlement.State) (out entitlement.State) {
	t.Helper()
	raw, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAHostGoesOnAndStopsWhileNobodyAnswers_I5_I11: leases, graces and clocks.
func TestAHostGoesOnAndStopsWhileNobodyAnswers_I5_I11(t *testing.T) {
	t.Parallel()
	for _, c := range entitlementtest.Aways(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			w, _ := entitlement.Watch{}.Saw(c.Said, c.Said)
			for _, at := range c.Saw {
				w, _ = w.Saw(at, c.Own[0])
			}
			var a entitlement.Answer
			for _, own := range c.Own {
				w, a = w.Judge(c.State(t), own, c.Released)
			}
			c.Check(t, a)
		})
	}
}

// TestWhatCouldNotBeToldDenies_I5: nothing that is empty, unknown or half there grants.
func TestWhatCouldNotBeToldDenies_I5(t *testing.T) {
	t.Parallel()
	if (entitlement.Answer{}).Outcome() != policy.Unknown {
		t.Error("the zero answer is known")
	}
	at := entitlement.Instant{Now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	whole := entitlementtest.Cases(t)[slices.IndexFunc(entitlementtest.Cases(t), func(c entitlementtest.Case) bool { return c.Name == "a licence for the plugin" })].State(t)
	if a := entitlement.Judge(whole, at, time.Time{}); !a.Outcome().Allowed() {
		t.Fatalf("the whole one: %s", a.Reason)
	}
	for name, spoil := range map[string]func(s *entitlement.State){
		"nothing":                         func(s *entitlement.State) { *s = entitlement.State{} },
		"no need":                         func(s *entitlement.State) { s.Need = "" },
		"another need":                    func(s *entitlement.State) { s.Need = "maybe" },
		"another meaning of its end":      func(s *entitlement.State) { s.Terms.OnExpiry = "forever" },
		"no meaning of its end":           func(s *entitlement.State) { s.Terms.OnExpiry = "" },
		"another type":                    func(s *entitlement.State) { s.Terms.Type = "gift" },
		"a subscription without an end":   func(s *entitlement.State) { s.Terms.Until = time.Time{} },
		"a grace that is before the end":  func(s *entitlement.State) { s.Terms.GraceUntil = s.Terms.Until.Add(-time.Hour) },
		"no id":                           func(s *entitlement.State) { s.Terms.ID = "" },
		"another seat":                    func(s *entitlement.State) { s.Seat = "sofa" },
		"a seat without a lease":          func(s *entitlement.State) { s.Lease = nil },
		"a lease that ends first":         func(s *entitlement.State) { s.Lease.ExpiresAt = s.Lease.IssuedAt },
		"a lease without a holder":        func(s *entitlement.State) { s.Lease.Holder = "" },
		"a grace of a lease that is less": func(s *entitlement.State) { s.Lease.GraceUntil = s.Lease.IssuedAt },
	} {
		s := carried(t, whole)
		spoil(&s)
		if a := entitlement.Judge(s, at, time.Time{}); a.Outcome() != policy.Unknown || a.Text == "" {
			t.Errorf("%s: %s, %s, %q", name, a.Code, a.Reason, a.Text)
		}
	}
}
