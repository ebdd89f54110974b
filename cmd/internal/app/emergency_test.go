package app

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// An emergencyWorld is a server with acme/hello 1.0.0 and 1.1.0, and admins ada and grace
// whom the bootstrap token made.
type emergencyWorld struct {
	*Server
	t                     *testing.T
	config                config.Config
	hand                  *clock.Hand
	bootstrap, ada, grace string
	stop                  func() error
}

func openEmergencyWorld(t *testing.T, change ...func(*emergencyWorld)) *emergencyWorld {
	t.Helper()
	w := &emergencyWorld{t: t, config: configured(t), hand: clock.NewHand(time.Now())}
	w.config.Dev, w.config.Trust = false, everybodyListed(t)
	for _, do := range change {
		do(w)
	}
	var notice bytes.Buffer
	o := options(&notice)
	o.Clock = w.hand.Clock()
	w.Server, w.stop = startBy(t, w.config, o)
	w.bootstrap = tokenText.FindString(notice.String())
	ask[any](t, w.Server, w.bootstrap, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	w.ada, w.grace = w.admin(w.bootstrap, "ada"), w.admin(w.bootstrap, "grace")
	for _, v := range []string{"1.0.0", "1.1.0"} {
		publish(t, w.Server, w.bootstrap, `{"id": "acme/hello", "version": "`+v+`", "engines": {"acme-editor": "*"}, "description": "`+v+`"}`)
	}
	return w
}

// admin has somebody make an account of an admin, and gives a token of it that is good for
// long by the clock of the world.
func (w *emergencyWorld) admin(by, name string) string {
	w.t.Helper()
	ask[any](w.t, w.Server, by, "POST", "/api/v1/accounts", map[string]any{"name": name, "roles": []string{"admin"}}, http.StatusCreated)
	return ask[index.CreatedToken](w.t, w.Server, by, "POST", "/api/v1/accounts/person:"+name+"/tokens",
		map[string]any{"label": "t", "expires_at": w.hand.Clock().Now().Add(30 * 24 * time.Hour).UTC()}, http.StatusCreated).Secret
}

func (w *emergencyWorld) propose(token string, n index.NewEmergency) index.Emergency {
	w.t.Helper()
	if n.Plugin == "" {
		n.Plugin = "acme/hello"
	}
	if n.Reason == "" {
		n.Reason = "malware"
	}
	return ask[index.Emergency](w.t, w.Server, token, "POST", "/api/v1/emergencies", n, http.StatusCreated)
}

func (w *emergencyWorld) do(token, id, step string) index.Emergency {
	w.t.Helper()
	return ask[index.Emergency](w.t, w.Server, token, "POST", "/api/v1/emergencies/"+id+"/"+step, map[string]any{}, http.StatusOK)
}

// refused wants a step answered with a problem of a code, and gives its detail.
func (w *emergencyWorld) refused(token, id, step string, status int, code string) string {
	w.t.Helper()
	p := ask[index.Problem](w.t, w.Server, token, "POST", "/api/v1/emergencies/"+id+"/"+step, map[string]any{}, status)
	if p.Code != code {
		w.t.Errorf("%s of %s: %s, expected %s: %s", step, id, p.Code, code, p.Detail)
	}
	return p.Detail
}

func (w *emergencyWorld) pulls(reference string, want int) {
	w.t.Helper()
	if got := pulled(w.t, w.URL(), "acme/hello", reference); got != want {
		w.t.Errorf("pull of acme/hello:%s: %d, expected %d", reference, got, want)
	}
}

func (w *emergencyWorld) state(version string, want index.VersionState) {
	w.t.Helper()
	v := ask[index.VersionDetail](w.t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/versions/"+version, nil, http.StatusOK)
	if v.State != want {
		w.t.Errorf("acme/hello@%s is %s, expected %s: %+v", version, v.State, want, v.Pending)
	}
}

// Proves E5, E11 and B11: a proposal refuses pulls before it is answered, and takes
// nothing else along; the same person does not confirm it, and is told who could;
// another one makes it a statement of the platform that names digests, reason and both
// people; the end of it takes two people as well, and all is as it was before.
func TestAnEmergencyTakesTwoPeople_E5_E11_B11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	before := ask[index.VersionDetail](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil, http.StatusOK)
	w.pulls("1.1.0", http.StatusOK)
	e := w.propose(w.ada, index.NewEmergency{Version: "1.1.0", Text: "steals keys"})
	w.pulls("1.1.0", http.StatusForbidden)
	w.pulls("1.0.0", http.StatusOK)
	w.state("1.1.0", index.VersionBlocked)
	if e.State != index.EmergencyProposed || !e.Settled || !slices.Equal(e.Digests, []digest.Digest{before.Digest}) ||
		!slices.Equal(e.MayConfirm, []string{"person:grace"}) || e.ExpiresAt == nil {
		t.Errorf("proposed: %+v", e)
	}
	if said := w.refused(w.ada, e.ID, "confirm", http.StatusConflict, index.CodeSecondPerson); !strings.Contains(said, "person:grace") {
		t.Errorf("who could is not named: %s", said)
	}
	w.refused(w.bootstrap, e.ID, "confirm", http.StatusConflict, index.CodeSecondPerson)
	e = w.do(w.grace, e.ID, "confirm")
	w.pulls("1.1.0", http.StatusForbidden)
	w.state("1.1.0", index.VersionEmergencyRemoved)
	if e.State != index.EmergencyInForce || !e.Settled || len(e.Statements) != 1 {
		t.Fatalf("confirmed: %+v", e)
	}
	page := ask[index.LedgerPage](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/history", nil, http.StatusOK)
	if last := page.Items[len(page.Items)-1]; last.Kind != "emergency.declared" || last.Actor != "person:ada" || last.Role != "platform" ||
		last.Digest != e.Statements[0] ||
		last.Body["reason"] != "malware" || len(last.Body["digests"].([]any)) != 1 || last.Body["approved_by"].([]any)[0] != "person:grace" {
		t.Errorf("stated: %+v", last)
	}
	if p := ask[index.Problem](t, w.Server, w.ada, "DELETE", "/api/v1/admin/blocks?repository=acme/hello&reference=1.1.0", nil,
		http.StatusConflict); !strings.Contains(p.Detail, e.ID) {
		t.Errorf("lift: %+v", p)
	}
	ask[index.Emergency](t, w.Server, w.ada, "POST", "/api/v1/emergencies/"+e.ID+"/undo",
		index.EmergencyStep{Reason: "maintenance", Text: "a false alarm"}, http.StatusOK)
	w.pulls("1.1.0", http.StatusForbidden)
	w.refused(w.ada, e.ID, "undo", http.StatusConflict, index.CodeSecondPerson)
	e = w.do(w.grace, e.ID, "undo")
	if e.State != index.EmergencyUndone || !e.Settled || e.UndoReason != "maintenance" || e.UndoText != "a false alarm" {
		t.Errorf("undone: %+v", e)
	}
	w.pulls("1.1.0", http.StatusOK)
	if after := ask[index.VersionDetail](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/versions/1.1.0", nil,
		http.StatusOK); after.State != before.State || after.Pending != nil && len(after.Pending.Reasons) != 0 {
		t.Errorf("after it: %+v", after)
	}
	w.refused(w.ada, e.ID, "confirm", http.StatusConflict, index.CodeConflict)
	w.refused(w.ada, e.ID, "undo", http.StatusConflict, index.CodeConflict)
}

// Proves E5 and E11 against somebody hostile: an admin who made another's account does not
// confirm beside it, nor do two accounts of one maker; an owner's request keeps nothing
// from being pulled; all versions are stopped with what is pushed later; what is not
// there, and no reason, are refused.
func TestAnEmergencyIsNotOnePersonsAlone_E5_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	bob, carl := accountOf(t, w.Server, w.ada, "bob", "admin"), accountOf(t, w.Server, w.ada, "carl", "admin")
	e := w.propose(w.ada, index.NewEmergency{All: true, Soft: true})
	if said := w.refused(bob, e.ID, "confirm", http.StatusConflict, index.CodeSecondPerson); !strings.Contains(said, "seven days") {
		t.Errorf("why bob does not count: %s", said)
	}
	if len(e.Digests) != 2 || !slices.Equal(e.MayConfirm, []string{"person:grace"}) {
		t.Errorf("proposed: %+v", e)
	}
	w.do(w.ada, e.ID, "undo") // her own
	w.pulls("1.1.0", http.StatusOK)
	e = w.propose(bob, index.NewEmergency{All: true})
	w.refused(carl, e.ID, "confirm", http.StatusConflict, index.CodeSecondPerson)
	w.refused(w.ada, e.ID, "confirm", http.StatusConflict, index.CodeSecondPerson)
	publish(t, w.Server, w.bootstrap, `{"id": "acme/hello", "version": "1.2.0", "engines": {"acme-editor": "*"}}`)
	w.pulls("1.2.0", http.StatusForbidden)
	e = w.do(w.grace, e.ID, "confirm")
	if e.State != index.EmergencyInForce || len(e.Digests) != 3 {
		t.Errorf("confirmed: %+v", e)
	}
	publish(t, w.Server, w.bootstrap, `{"id": "acme/hello", "version": "1.3.0", "engines": {"acme-editor": "*"}}`)
	w.state("1.3.0", index.VersionEmergencyRemoved)
	for _, v := range []string{"1.0.0", "1.1.0", "1.2.0", "1.3.0"} {
		w.pulls(v, http.StatusForbidden)
	}
	w.do(w.ada, e.ID, "undo")
	w.do(w.grace, e.ID, "undo")
	w.pulls("1.3.0", http.StatusOK)

	owner := accountOf(t, w.Server, w.bootstrap, "olga")
	ask[any](t, w.Server, w.bootstrap, "PUT", "/api/v1/namespaces/acme/members/person:olga", map[string]any{"role": "owner"}, http.StatusNoContent)
	ask[index.Problem](t, w.Server, owner, "POST", "/api/v1/emergencies",
		index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"}, http.StatusForbidden)
	asked := w.propose(owner, index.NewEmergency{Version: "1.0.0", Request: true})
	w.pulls("1.0.0", http.StatusOK)
	if taken := w.do(w.grace, asked.ID, "confirm"); asked.State != index.EmergencyRequested || taken.State != index.EmergencyProposed {
		t.Errorf("requested: %+v, taken up: %+v", asked, taken)
	}
	w.pulls("1.0.0", http.StatusForbidden)
	unknown := digest.FromString("not here")
	for _, row := range []struct {
		n      index.NewEmergency
		status int
		says   string
	}{
		{index.NewEmergency{Plugin: "acme/hello", Digest: unknown, Reason: "malware"}, http.StatusNotFound, unknown.String()},
		{index.NewEmergency{Plugin: "acme/hello", Version: "1.1.0"}, http.StatusBadRequest, "reason"},
		{index.NewEmergency{Plugin: "acme/hello", Version: "1.1.0", Reason: "because"}, http.StatusBadRequest, "because"},
		{index.NewEmergency{Plugin: "acme/hello", Reason: "malware"}, http.StatusBadRequest, "exactly one"},
		{index.NewEmergency{Plugin: "acme/hello", Version: "1.0.0", Reason: "malware"}, http.StatusConflict, asked.ID},
	} {
		if p := ask[index.Problem](t, w.Server, w.ada, "POST", "/api/v1/emergencies", row.n, row.status); !strings.Contains(p.Detail, row.says) {
			t.Errorf("%+v: %s", row.n, p.Detail)
		}
	}
}
