package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// Proves E4, E5 and F14: from the proposal of an emergency on, before any ledger says
// it, an owner deletes nothing of what is looked into, and is told so before he asks;
// when it is taken back, he may.
func TestAnOwnerDeletesNothingThatIsLookedInto_E4_E5_F14(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	owner := accountOf(t, w.Server, w.bootstrap, "olga")
	ask[any](t, w.Server, w.bootstrap, "PUT", "/api/v1/namespaces/acme/members/person:olga", map[string]any{"role": "owner"}, http.StatusNoContent)
	const plugin = "/api/v1/plugins/acme/hello"
	deletes := func() bool {
		return slices.Contains(ask[index.Lifecycle](t, w.Server, owner, "GET", plugin+"/lifecycle", nil, http.StatusOK).Legal, index.MoveDelete)
	}
	w.propose(owner, index.NewEmergency{Version: "1.0.0", Request: true}) // her own word keeps nothing
	if !deletes() {
		t.Error("a request keeps her from deleting")
	}
	e := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	p := ask[index.Problem](t, w.Server, owner, "DELETE", plugin+"?reason=legal", nil, http.StatusConflict)
	if p.Code != index.CodeLifecycle || !strings.Contains(p.Detail, e.ID) || slices.Contains(p.Legal, index.MoveDelete) || deletes() {
		t.Errorf("what is looked into is deleted: %+v", p)
	}
	w.do(w.ada, e.ID, "undo")
	if !deletes() {
		t.Error("she may not delete after it")
	}
	ask[index.Lifecycle](t, w.Server, owner, "DELETE", plugin+"?reason=legal", nil, http.StatusOK)
}
