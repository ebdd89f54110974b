package emergency

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	statements "github.com/oarlock/oarlock/index/ledger"
)

// request is one by an owner of a plugin that names a digest.
func request(plugin string, n int) index.NewEmergency {
	return index.NewEmergency{Plugin: plugin, Digest: digest.FromString(fmt.Sprint(n)), Reason: "malware", Request: true}
}

// Proves E5: three requests of one plugin wait for one account and ten in all, and what
// was taken back, or waited its time, makes room.
func TestRequestsDoNotPileUp_E5(t *testing.T) {
	t.Parallel()
	h := houseOf(t)
	refused := func(what string, err error) {
		t.Helper()
		var p *index.Problem
		if !errors.As(err, &p) || p.Code != index.CodeQuota {
			t.Errorf("%s: %v", what, err)
		}
	}
	var first index.Emergency
	for n := range maxRequests {
		e, err := h.Propose(as(t, "olga"), request("acme/hello", n))
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			first = e
		}
	}
	_, err := h.Propose(as(t, "olga"), request("acme/hello", maxRequests))
	refused("one more of the plugin", err)
	if _, err := h.Propose(as(t, "oscar"), request("acme/hello", maxRequests)); err != nil {
		t.Errorf("by somebody else: %v", err)
	}
	if _, err := h.Undo(as(t, "olga"), first.ID, index.EmergencyStep{}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Propose(as(t, "olga"), request("acme/hello", maxRequests+1)); err != nil {
		t.Errorf("after one was taken back: %v", err)
	}
	for n := maxRequests; n < maxWaiting; n++ {
		if _, err := h.Propose(as(t, "olga"), request(fmt.Sprintf("acme/p%d", n), n)); err != nil {
			t.Fatalf("%d wait: %v", n, err)
		}
	}
	_, err = h.Propose(as(t, "olga"), request("acme/other", 0))
	refused("one more in all", err)
	h.hand.Advance(requestFor)
	if _, err := h.Propose(as(t, "olga"), request("acme/hello", 0)); err != nil {
		t.Errorf("when their time was over: %v", err)
	}
}

// declared is an emergency of acme/hello that ada proposed and grace confirmed.
func declared(t *testing.T, h *house) index.Emergency {
	t.Helper()
	e, err := h.Propose(as(t, "ada"), index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"})
	if err == nil {
		e, err = h.Confirm(as(t, "grace"), e.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Proves E5: an emergency of a plugin whose ledger grows at another site is in force here
// without a statement, and is undone here without one.
func TestAnEmergencyOfAForeignLedgerIsOfThisSiteAlone_E5(t *testing.T) {
	t.Parallel()
	for what, row := range map[string]struct {
		refuses    error
		siteOnly   bool
		statements int
	}{
		"ledger of this site": {nil, false, 1},
		"ledger of another":   {fmt.Errorf("it began elsewhere: %w: %w", statements.ErrForeign, artifact.ErrDenied), true, 0},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			h := houseOf(t)
			h.refuses = row.refuses
			e := declared(t, h)
			if e.State != index.EmergencyInForce || !e.Settled || e.SiteOnly != row.siteOnly || len(e.Statements) != row.statements || e.Problem != "" {
				t.Errorf("confirmed: %+v", e)
			}
			if len(h.holds) != 1 {
				t.Errorf("held: %v", h.holds)
			}
			var err error
			h.refuses = nil // what was declared nowhere is retracted nowhere, whatever the ledger takes now
			for _, who := range []string{"ada", "grace"} {
				if e, err = h.Undo(as(t, who), e.ID, index.EmergencyStep{}); err != nil {
					t.Fatal(err)
				}
			}
			if e.State != index.EmergencyUndone || !e.Settled || len(h.appended) != 2*row.statements || len(h.holds) != 0 {
				t.Errorf("undone: %+v, %d statements, held: %v", e, len(h.appended), h.holds)
			}
		})
	}
}

// Proves E5 and K6: a ledger that cannot be told from a foreign one declares nothing: what
// is named stays held, and says what keeps it.
func TestWhatCannotBeStatedStaysHeld_E5_K6(t *testing.T) {
	t.Parallel()
	h := houseOf(t)
	e, err := h.Propose(as(t, "ada"), index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"})
	if err != nil {
		t.Fatal(err)
	}
	h.refuses = errors.New("the registry does not answer")
	e, err = h.Confirm(as(t, "grace"), e.ID)
	if err != nil || e.State != index.EmergencyConfirmed || e.SiteOnly || e.Settled || e.Problem == "" || len(h.holds) != 1 {
		t.Errorf("%+v, %v, held: %v", e, err, h.holds)
	}
	h.refuses = nil
	if err := h.Drain(t.Context(), JobKind); err != nil {
		t.Fatal(err)
	}
	if r := h.records[e.ID]; r.State != index.EmergencyInForce || !r.Body.Settled || r.Body.Problem != "" || len(h.appended) != 1 {
		t.Errorf("when it answers again: %+v", r)
	}
}

// Proves E5 and K6: a call that holds what it proposed beside its job, and is slower than
// who took the proposal back, leaves nothing held.
func TestWhatWasReleasedMeanwhileIsNotHeldAgain_E5_K6(t *testing.T) {
	t.Parallel()
	h := houseOf(t)
	e, err := h.Propose(as(t, "ada"), index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"})
	if err != nil {
		t.Fatal(err)
	}
	slow := h.records[e.ID] // as the slow call read it
	if _, err := h.Undo(as(t, "ada"), e.ID, index.EmergencyStep{}); err != nil || len(h.holds) != 0 {
		t.Fatalf("%v, held: %v", err, h.holds)
	}
	if err := h.holdStill(t.Context(), slow); err != nil || len(h.holds) != 0 {
		t.Errorf("%v, held: %v", err, h.holds)
	}
	h.hand.Advance(time.Second)
	again, err := h.Propose(as(t, "ada"), index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"})
	if err != nil || len(h.holds) != 1 {
		t.Fatalf("%v, held: %v", err, h.holds)
	}
	if err := h.holdStill(t.Context(), slow); err != nil || h.holds[versionOf("acme/hello")].Emergency != again.ID {
		t.Errorf("what another emergency holds by now: %v, held: %v", err, h.holds)
	}
}
