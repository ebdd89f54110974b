package app

import (
	"net/http"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves E5, A12: a row that cannot be read stops no other emergency: what is decided and
// not held yet is held at the start, the list has all of them, and a new one is taken; what
// the damaged one is about is said to be unknown, by no internal error.
func TestADamagedEmergencyStopsNoOther_E5(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	bad := w.propose(w.ada, index.NewEmergency{Version: "1.0.0"})
	good := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	editDatabase(t, w.config.Data+"/oarlock.db", "UPDATE emergencies SET record = '{' WHERE id = ?", bad.ID)
	list := ask[index.EmergencyList](t, w.Server, w.ada, "GET", "/api/v1/emergencies", nil, http.StatusOK)
	for _, e := range list.Items {
		if damaged := e.ID == bad.ID; damaged != (e.Problem != "") {
			t.Errorf("in the list: %+v", e)
		}
	}
	if len(list.Items) != 2 {
		t.Errorf("the list: %+v", list.Items)
	}
	for _, step := range []string{"confirm", "undo"} {
		w.refused(w.grace, bad.ID, step, http.StatusServiceUnavailable, index.CodeUnavailable)
	}
	if e := w.do(w.grace, good.ID, "confirm"); e.State != index.EmergencyInForce {
		t.Errorf("the other one is %s", e.State)
	}
	w.propose(w.ada, index.NewEmergency{All: true})
	for _, v := range []string{"1.0.0", "1.1.0"} {
		w.pulls(v, http.StatusForbidden)
	}
}
