package replicas

import (
	"testing"
	"testing/synctest"
	"time"
)

// Proves A8 and E4: the ledgers are looked at while nothing is heard, after a gap
// until a look that began after it, and now and then; many of them not all the time.
func TestLedgersAreLookedAtWhileNothingIsHeard_A8_E4(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var h heard
		due := func(what string, want bool) {
			t.Helper()
			if got := h.due(time.Now()); got != want {
				t.Errorf("%s: due %t, want %t", what, got, want)
			}
		}
		due("at first", true)
		h.lookedAt(time.Now())
		due("nothing heard", true)
		if !h.alive(time.Now()) {
			t.Error("all was heard, and it is not whole")
		}
		due("heard", false)
		time.Sleep(silentFor)
		due("silent", true)
		began := time.Now()
		time.Sleep(time.Second)
		h.missed(time.Now())
		h.lookedAt(began)
		if h.alive(time.Now()) {
			t.Error("whole although something was missed while it was looked")
		}
		due("missed while it was looked", true)
		time.Sleep(time.Second)
		h.lookedAt(time.Now())
		if !h.alive(time.Now()) {
			t.Error("not whole after a look that began later")
		}
		due("looked at", false)
		time.Sleep(lookAnyway)
		h.alive(time.Now())
		due("now and then", true)
		began = time.Now()
		time.Sleep(lookAnyway / 10)
		h.lookedAt(began)
		time.Sleep(lookAnyway)
		h.alive(time.Now())
		due("a look that takes long", false)
	})
}
