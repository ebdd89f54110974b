package app

import (
	"net/http"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

// A hearer has an account told of everything, by webhook and on a stream.
type hearer struct {
	w    *emergencyWorld
	hook *hook
	next func() (index.CloudEvent, string) // of the stream
}

func (w *emergencyWorld) tell(token string) hearer {
	w.t.Helper()
	h := newHook(w.t)
	made := ask[index.CreatedWebhook](w.t, w.Server, token, "POST", "/api/v1/webhooks", map[string]any{"url": h.URL}, http.StatusCreated)
	h.answer(made.Secret, http.StatusNoContent)
	return hearer{w, h, lifecycleEvents(w.t, w.Server, token, "")}
}

// spin is how long an event is waited for before the clock goes on.
const spin = 20 * time.Millisecond

// comes waits until both bring an event of a type next, while time passes.
func (o hearer) comes(is notify.Type) index.CloudEvent {
	o.w.t.Helper()
	var last index.CloudEvent
	streamed := make(chan index.CloudEvent, 1)
	go func() { e, _ := o.next(); streamed <- e }()
	for name, came := range map[string]chan index.CloudEvent{"the webhook": o.hook.came, "the stream": streamed} {
		for last.Type = ""; last.Type == ""; {
			select {
			case last = <-came:
			case <-o.w.t.Context().Done():
				o.w.t.Fatalf("%s brought no %s", name, is)
			case <-time.After(spin): // a call that takes its time keeps its lease: that is hundreds of turns
				o.w.hand.Advance(100 * time.Millisecond)
				asleep(o.w.t, o.w.Server, o.w.hand)
			}
		}
		if last.Type != string(is) {
			o.w.t.Fatalf("%s brought %s of %s, expected %s", name, last.Type, last.Subject, is)
		}
	}
	return last
}

// Proves E8, E5: what an owner asks for is told to the admins at once, by webhook and on
// their streams, and to no stranger; so is a proposal. Its block and the end of that are
// told to everybody who may pull, once each.
func TestAdminsAreToldWhatAnOwnerAsksFor_E8_E5(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t, func(w *emergencyWorld) { w.config.Outbound.Networks = []string{"127.0.0.0/8"} })
	account := func(name string) string {
		ask[any](t, w.Server, w.bootstrap, "POST", "/api/v1/accounts", map[string]any{"name": name}, http.StatusCreated)
		return ask[index.CreatedToken](t, w.Server, w.bootstrap, "POST", "/api/v1/accounts/person:"+name+"/tokens",
			map[string]any{"label": "t", "expires_at": w.hand.Clock().Now().Add(30 * 24 * time.Hour).UTC()}, http.StatusCreated).Secret
	}
	own, stranger := account("own"), account("stranger")
	ask[any](t, w.Server, w.bootstrap, "PUT", "/api/v1/namespaces/acme/members/person:own", map[string]any{"role": "owner"}, http.StatusNoContent)
	w.hand.Advance(time.Minute)
	asleep(t, w.Server, w.hand) // what was there before is looked at
	admin, other := w.tell(w.ada), w.tell(stranger)
	request := w.propose(own, index.NewEmergency{Version: "1.1.0", Text: "a stolen key", Request: true})
	if e := admin.comes(notify.EmergencyRequested); e.Subject != "acme/hello@1.1.0" || e.Data.Details["emergency"] != request.ID ||
		e.Data.Details["by"] != "person:own" || e.Data.Details["text"] != "a stolen key" || e.Data.Digest == "" {
		t.Errorf("asked for: %+v", e)
	}
	w.do(w.ada, request.ID, "confirm")
	if e := admin.comes(notify.EmergencyProposed); e.Data.Details["by"] != "person:ada" || e.Data.Details["expires_at"] == nil {
		t.Errorf("proposed: %+v", e)
	}
	for _, one := range []hearer{admin, other} { // to the stranger it is the first thing that comes
		if e := one.comes(notify.VersionBlocked); e.Subject != "acme/hello@1.1.0" || e.Data.Details["emergency"] != request.ID {
			t.Errorf("blocked: %+v", e)
		}
	}
	w.do(w.grace, request.ID, "confirm")
	if e := other.comes(notify.EmergencyDeclared); e.Subject != "acme/hello@1.1.0" || e.Data.Version != "1.1.0" || e.Data.Statement == nil {
		t.Errorf("declared: %+v", e)
	}
	w.do(w.ada, request.ID, "undo")
	w.do(w.grace, request.ID, "undo")
	seen := map[string]bool{}
	for len(seen) < 2 { // a ledger and the storage are two
		select {
		case e := <-other.hook.came:
			if seen[e.Type] || e.Subject != "acme/hello@1.1.0" {
				t.Errorf("undone: %+v", e)
			}
			seen[e.Type] = true
		case <-t.Context().Done():
			t.Fatal("nothing came")
		case <-time.After(spin):
			w.hand.Advance(100 * time.Millisecond)
			asleep(t, w.Server, w.hand)
		}
	}
	if !seen[string(notify.EmergencyUndone)] || !seen[string(notify.VersionUnblocked)] {
		t.Errorf("undone: %v", seen)
	}
}
