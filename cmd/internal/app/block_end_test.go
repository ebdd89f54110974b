package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/registry/block"
)

// blocked is the one block there is, or the zero one.
func (w *emergencyWorld) blocked() index.Block {
	w.t.Helper()
	list := ask[index.BlockList](w.t, w.Server, w.bootstrap, "GET", "/api/v1/admin/blocks", nil, http.StatusOK).Items
	if len(list) == 0 {
		return index.Block{}
	}
	return list[0]
}

// untilBlocked has the time go on until somebody's block is over, or holds.
func (w *emergencyWorld) untilBlocked(is bool) {
	w.t.Helper()
	for (w.blocked().Code != "") != is {
		if w.t.Context().Err() != nil {
			w.t.Fatalf("blocked: %+v", w.blocked())
		}
		w.hand.Advance(time.Second)
	}
}

// Proves E5, E11 and B11: a block of a version is the proposal of an emergency, says
// until when it holds, and is confirmed or taken back as one; nobody confirms it, so it
// ends by itself after a day.
func TestABlockIsAProposal_E5_E11_B11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	shut := func(token string) index.Block {
		return ask[index.Block](t, w.Server, token, "POST", "/api/v1/admin/blocks",
			index.BlockRequest{Repository: "acme/hello", Reference: "1.1.0", Reason: "steals keys"}, http.StatusOK)
	}
	const lift = "/api/v1/admin/blocks?repository=acme/hello&reference=1.1.0"
	b := shut(w.ada)
	w.pulls("1.1.0", http.StatusForbidden)
	e := w.shown(b.Emergency)
	if b.Until == nil || e.ExpiresAt == nil || !b.Until.Equal(*e.ExpiresAt) || b.HeldBy != index.HeldByProposal ||
		b.Code != "blocked" || b.Reason != "steals keys" ||
		e.State != index.EmergencyProposed || e.Version != "1.1.0" || e.Text != "steals keys" {
		t.Errorf("block: %+v of %+v", b, e)
	}
	ask[index.Problem](t, w.Server, w.grace, "DELETE", lift, nil, http.StatusConflict) // takes ada too
	w.pulls("1.1.0", http.StatusForbidden)
	ask[any](t, w.Server, w.ada, "DELETE", lift, nil, http.StatusNoContent)
	w.pulls("1.1.0", http.StatusOK)

	b = shut(w.ada)
	w.hand.Advance(24*time.Hour - time.Minute)
	w.pulls("1.1.0", http.StatusForbidden)
	w.hand.Advance(time.Minute)
	w.becomes(b.Emergency, index.EmergencyLapsed)
	w.pulls("1.1.0", http.StatusOK)

	b = shut(w.ada)
	if e = w.do(w.grace, b.Emergency, "confirm"); e.State != index.EmergencyInForce {
		t.Errorf("confirmed: %+v", e)
	}
	if b = w.blocked(); b.Until != nil || b.HeldBy != index.HeldByEmergency || b.Code != index.ReasonEmergency {
		t.Errorf("once it is in force: %+v", b)
	}
	w.hand.Advance(48 * time.Hour)
	w.pulls("1.1.0", http.StatusForbidden)
}

// Proves E11, B11: what no emergency can name is blocked by hand, and ends by itself; to
// block it again does not move its end; the audit log says that it ended. A block of an
// earlier release, and what an emergency held whose record was lost, stay until somebody
// decides, and are counted.
func TestABlockByHandEndsAndAnOldOneStays_E11_B11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	d := digest.FromString("not here yet")
	shut := func() index.Block {
		return ask[index.Block](t, w.Server, w.ada, "POST", "/api/v1/admin/blocks", index.BlockRequest{Reference: d.String(), Reason: "spies"}, http.StatusOK)
	}
	first := shut()
	w.hand.Advance(time.Hour)
	again := shut()
	if first.Until == nil || again.Until == nil || !first.Until.Equal(*again.Until) || first.HeldBy != index.HeldByHand || first.Emergency != "" {
		t.Errorf("first %+v, again %+v", first, again)
	}
	w.hand.Advance(22*time.Hour + 30*time.Minute)
	if b := w.blocked(); b.Code == "" {
		t.Error("it ended before its time")
	}
	w.hand.Advance(30 * time.Minute)
	w.untilBlocked(false)
	var rows []index.AuditRow
	for len(rows) == 0 && t.Context().Err() == nil {
		rows = ask[index.AuditPage](t, w.Server, w.bootstrap, "GET", "/api/v1/audit?action=block:lapse", nil, http.StatusOK).Items
	}
	if len(rows) != 1 || rows[0].Actor != "process:block" || !strings.Contains(string(rows[0].Before), d.String()) {
		t.Errorf("written down: %+v", rows)
	}

	must(w.engines.stored.Blocks.Block(t.Context(), block.Block{Repository: "acme/hello", Digest: ask[index.VersionDetail](t, w.Server, w.bootstrap, "GET",
		"/api/v1/plugins/acme/hello/versions/1.1.0", nil, http.StatusOK).Digest, Reason: "malware", Emergency: "lost"}))
	w.hand.Advance(72 * time.Hour)
	ran := ranOf(w.Server, "ends_of_blocks").Runs
	for ranOf(w.Server, "ends_of_blocks").Runs < ran+2 {
		w.hand.Advance(time.Second)
	}
	w.pulls("1.1.0", http.StatusForbidden)
	if b := w.blocked(); b.HeldBy != index.HeldByNobody || b.Until != nil {
		t.Errorf("without an end: %+v", b)
	}
	if _, text := sent(t, w.Server, w.bootstrap, "GET", "/metrics", nil); !strings.Contains(text, "oarlock_blocks{held_by=\"undecided\"} 1\n") {
		t.Errorf("undecided is not counted: %s", text)
	}
}
