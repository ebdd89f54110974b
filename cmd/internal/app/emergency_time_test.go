package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/block"
)

// shown is an emergency as it is now.
func (w *emergencyWorld) shown(id string) index.Emergency {
	w.t.Helper()
	return ask[index.Emergency](w.t, w.Server, w.bootstrap, "GET", "/api/v1/emergencies/"+id, nil, http.StatusOK)
}

// becomes waits until an emergency is in a state, and all of that is done.
func (w *emergencyWorld) becomes(id string, state index.EmergencyState) index.Emergency {
	w.t.Helper()
	for {
		e := w.shown(id)
		if e.State == state && e.Settled {
			return e
		}
		if w.t.Context().Err() != nil {
			w.t.Fatalf("emergency: %+v, expected %s", e, state)
		}
		w.hand.Advance(100 * time.Millisecond) // not past the lease of what is being done
	}
}

// Proves E5 and E11: what nobody confirmed is over after a day and not before, by itself;
// then it is confirmed no more, and can be proposed again. A request waits seven days.
func TestAnEmergencyLapses_E5_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	asked := w.propose(w.bootstrap, index.NewEmergency{Version: "1.0.0", Request: true})
	e := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	if want := e.CreatedAt.Add(24 * time.Hour); e.ExpiresAt == nil || !e.ExpiresAt.Equal(want) {
		t.Errorf("it ends at %v, expected %v", e.ExpiresAt, want)
	}
	w.hand.Advance(24*time.Hour - time.Minute)
	w.pulls("1.1.0", http.StatusForbidden)
	if still := w.shown(e.ID); still.State != index.EmergencyProposed {
		t.Errorf("a minute before its time: %+v", still)
	}
	w.hand.Advance(time.Minute)
	w.refused(w.grace, e.ID, "confirm", http.StatusConflict, index.CodeConflict)
	if said := w.refused(w.grace, e.ID, "undo", http.StatusConflict, index.CodeConflict); !strings.Contains(said, "lapsed") {
		t.Errorf("undo of what is over: %s", said)
	}
	w.becomes(e.ID, index.EmergencyLapsed)
	w.pulls("1.1.0", http.StatusOK)
	w.state("1.1.0", index.VersionActive)
	again := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	w.pulls("1.1.0", http.StatusForbidden)
	if still := w.shown(asked.ID); still.State != index.EmergencyRequested {
		t.Errorf("a request after a day: %+v", still)
	}
	w.hand.Advance(6 * 24 * time.Hour)
	w.becomes(asked.ID, index.EmergencyLapsed)
	w.becomes(again.ID, index.EmergencyLapsed)
	w.refused(w.grace, asked.ID, "confirm", http.StatusConflict, index.CodeConflict)
}

// Proves E5: whose account another made, or gave roles or a token, counts beside him after
// seven days and not before. What somebody was refused puts nothing into his hands. One
// person's word for the end of an emergency waits a day for the other's.
func TestTheSevenDaysOfASecondPerson_E5(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	far := w.hand.Clock().Now().Add(30 * 24 * time.Hour).UTC()
	heidi, ivan := w.admin(w.bootstrap, "heidi"), w.admin(w.bootstrap, "ivan")
	bob := w.admin(heidi, "bob")
	mallory := accountOf(t, w.Server, w.bootstrap, "mallory")
	for _, name := range []string{"heidi", "ivan"} { // tried, and refused
		ask[any](t, w.Server, mallory, "PATCH", "/api/v1/accounts/person:"+name, map[string]any{"roles": []string{"admin"}}, http.StatusForbidden)
		ask[any](t, w.Server, mallory, "POST", "/api/v1/accounts/person:"+name+"/tokens", map[string]any{"label": "t", "expires_at": far}, http.StatusForbidden)
	}
	first := w.propose(heidi, index.NewEmergency{Version: "1.0.0"})
	if !slices.Contains(first.MayConfirm, "person:ivan") || slices.Contains(first.MayConfirm, "person:bob") {
		t.Errorf("who may confirm: %v", first.MayConfirm)
	}
	w.hand.Advance(7*24*time.Hour - time.Hour)
	w.becomes(first.ID, index.EmergencyLapsed)
	e := w.propose(heidi, index.NewEmergency{Version: "1.1.0"})
	if said := w.refused(bob, e.ID, "confirm", http.StatusConflict, index.CodeSecondPerson); !strings.Contains(said, "seven days") {
		t.Errorf("why bob does not count: %s", said)
	}
	w.hand.Advance(2 * time.Hour)
	if e = w.do(bob, e.ID, "confirm"); e.State != index.EmergencyInForce {
		t.Errorf("after seven days: %+v", e)
	}
	w.do(heidi, e.ID, "undo")
	w.hand.Advance(25 * time.Hour)
	if e = w.do(ivan, e.ID, "undo"); e.State != index.EmergencyInForce || len(e.Undo) != 1 || e.Undo[0].By != "person:ivan" {
		t.Errorf("a word of more than a day ago counts: %+v", e)
	}
	if e = w.do(heidi, e.ID, "undo"); e.State != index.EmergencyUndone {
		t.Errorf("undone by two: %+v", e)
	}
}

// Proves E5: at a site of one admin his word is enough, and every notice says so; whose
// account was in whose hand is no question there.
func TestAnEmergencyOnOnePersonsWord_E5(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t, func(w *emergencyWorld) { w.config.Approvers = 1 })
	bob := accountOf(t, w.Server, w.ada, "bob", "admin")
	e := w.propose(w.ada, index.NewEmergency{Version: "1.1.0", Soft: true})
	if e.State != index.EmergencyProposed || e.Approvers != 1 {
		t.Errorf("proposed: %+v", e)
	}
	if e = w.do(w.ada, e.ID, "confirm"); e.State != index.EmergencyInForce || len(e.Words) != 1 || !e.Soft {
		t.Errorf("confirmed alone: %+v", e)
	}
	page := ask[index.LedgerPage](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/history", nil, http.StatusOK)
	last := page.Items[len(page.Items)-1]
	if by, said := last.Body["approved_by"].([]any); last.Body["soft"] != true || said && len(by) != 0 {
		t.Errorf("stated: %+v", last.Body)
	}
	v := ask[index.VersionDetail](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil, http.StatusOK)
	if v.Pending == nil || !strings.Contains(v.Pending.Reasons[0].Detail, "on the word of one person") {
		t.Errorf("what is told: %+v", v.Pending)
	}
	if e = w.do(w.ada, e.ID, "undo"); e.State != index.EmergencyUndone {
		t.Errorf("undone alone: %+v", e)
	}
	w.pulls("1.1.0", http.StatusOK)
	e = w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	if e = w.do(bob, e.ID, "confirm"); e.State != index.EmergencyInForce {
		t.Errorf("confirmed by whom she made: %+v", e)
	}
}

// Proves E5 and E11: what two emergencies hold is held until both are over, whichever is
// over first; a block by hand stays.
func TestEmergenciesThatOverlap_E5_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	v := ask[index.VersionDetail](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil, http.StatusOK)
	one := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	p := ask[index.Problem](t, w.Server, w.ada, "POST", "/api/v1/emergencies",
		index.NewEmergency{Plugin: "acme/hello", Digest: v.Digest, Reason: "malware"}, http.StatusConflict)
	if !strings.Contains(p.Detail, one.ID) {
		t.Errorf("the same by digest: %s", p.Detail)
	}
	all := w.propose(w.grace, index.NewEmergency{All: true})
	w.do(w.ada, one.ID, "undo")
	w.pulls("1.1.0", http.StatusForbidden)
	two := w.propose(w.ada, index.NewEmergency{Digest: v.Digest})
	if two = w.do(w.grace, two.ID, "confirm"); two.State != index.EmergencyInForce {
		t.Fatalf("by digest: %+v", two)
	}
	w.do(w.grace, all.ID, "undo")
	w.pulls("1.0.0", http.StatusOK)
	w.pulls("1.1.0", http.StatusForbidden)
	w.do(w.ada, two.ID, "undo")
	if p := ask[index.Problem](t, w.Server, w.bootstrap, "POST", "/api/v1/admin/blocks", index.BlockRequest{Repository: "acme/hello",
		Reference: "1.1.0", Reason: "again"}, http.StatusConflict); !strings.Contains(p.Detail, two.ID) {
		t.Errorf("a block of what an emergency holds: %+v", p)
	}
	// as a release before this one left it: without an end
	must(w.engines.stored.Blocks.Block(t.Context(), block.Block{Repository: "acme/hello", Digest: v.Digest, Reason: "by hand"}))
	w.do(w.grace, two.ID, "undo")
	w.pulls("1.1.0", http.StatusForbidden)
	w.state("1.1.0", index.VersionBlocked)
	ask[any](t, w.Server, w.bootstrap, "DELETE", "/api/v1/admin/blocks?repository=acme/hello&reference=1.1.0", nil, http.StatusNoContent)
	w.pulls("1.1.0", http.StatusOK)
}
