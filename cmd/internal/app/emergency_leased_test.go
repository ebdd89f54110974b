package app

import (
	"io"
	"net/http"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves E5, K6: who alone has a database waits for no lease of a process that was killed:
// what it was about to do for an emergency holds up nothing that is decided afterwards.
func TestALeaseOfAKilledServerHoldsUpNoEmergency_E5_K6(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	e := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	editDatabase(t, w.config.Data+"/oarlock.db",
		"INSERT INTO jobs (kind, key, payload, asked_at, due_at, leased_until, attempts, last_error) VALUES ('emergency', ?, ?, 1, 1, ?, 1, '')",
		e.Plugin, []byte(e.ID), w.hand.Clock().Now().Add(24*60*60*1e9).UnixMicro())
	o := options(io.Discard)
	o.Clock = w.hand.Clock()
	w.Server, w.stop = startBy(t, w.config, o)
	w.pulls("1.1.0", http.StatusForbidden)
	if done := w.do(w.ada, e.ID, "undo"); done.State != index.EmergencyWithdrawn || !done.Settled {
		t.Errorf("after a kill it is %+v", done)
	}
	w.pulls("1.1.0", http.StatusOK)
}
