package app

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// listed are the emergencies that somebody may know of.
func (w *emergencyWorld) listed(token, query string) index.EmergencyList {
	w.t.Helper()
	return ask[index.EmergencyList](w.t, w.Server, token, "GET", "/api/v1/emergencies?"+query, nil, http.StatusOK)
}

// declared has ada and grace declare an emergency.
func (w *emergencyWorld) declared(n index.NewEmergency) index.Emergency {
	w.t.Helper()
	return w.do(w.grace, w.propose(w.ada, n).ID, "confirm")
}

// afterLoss is the world once its database is lost, with two admins who were made anew.
func (w *emergencyWorld) afterLoss(change func(data string)) {
	w.t.Helper()
	loseDatabase(w.t, w.config, w.stop)
	if change != nil {
		change(w.config.Data)
	}
	var notice bytes.Buffer
	o := options(&notice)
	o.Clock, o.AdoptRegistry = w.hand.Clock(), true
	w.Server, w.stop = startBy(w.t, w.config, o)
	w.bootstrap = tokenText.FindString(notice.String())
	w.ada, w.grace = w.admin(w.bootstrap, "ada"), w.admin(w.bootstrap, "grace")
}

// claimed has somebody own the plugin's namespace again.
func (w *emergencyWorld) claimed() {
	w.t.Helper()
	ask[any](w.t, w.Server, w.bootstrap, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
}

// Proves E1, E11: an emergency of which only the ledger knows, because the database was
// lost, is listed as that, and two people undo it; the statement names both, what it held
// can be pulled again, and it is not there twice. A proposal that was lost is no emergency.
func TestAnEmergencyThatTheLedgerAloneKnows_E1_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	was := w.declared(index.NewEmergency{Version: "1.1.0", Text: "steals keys"})
	if list := w.listed(w.ada, ""); len(list.Items) != 1 || list.Items[0].Source != index.EmergencyOfSite || len(list.Unread) != 0 {
		t.Errorf("with its record: %+v", list)
	}
	w.afterLoss(nil)
	list := w.listed(w.ada, "")
	if len(list.Items) != 1 {
		t.Fatalf("after the loss: %+v", list)
	}
	e := list.Items[0]
	if e.Source != index.EmergencyOfLedger || e.State != index.EmergencyInForce || !e.Settled || !slices.Equal(e.Digests, was.Digests) ||
		!slices.Equal(e.Statements, was.Statements) || e.Reason != "malware" || e.Text != "steals keys" || len(e.Words) != 2 || e.ID == was.ID {
		t.Errorf("after the loss: %+v", e)
	}
	for query, n := range map[string]int{"state=in_force": 1, "state=proposed": 0, "plugin=acme/hello": 1, "plugin=acme/other": 0, "limit=1&cursor=": 1} {
		if got := w.listed(w.ada, query); len(got.Items) != n {
			t.Errorf("%s: %+v", query, got)
		}
	}
	w.refused(w.ada, e.ID, "undo", http.StatusForbidden, "namespace_unclaimed")
	w.claimed()
	w.refused(w.grace, e.ID, "confirm", http.StatusConflict, index.CodeConflict)
	w.refused(w.bootstrap, e.ID, "undo", http.StatusConflict, index.CodeSecondPerson)
	if p := ask[index.Problem](t, w.Server, w.ada, "POST", "/api/v1/emergencies", index.NewEmergency{Plugin: "acme/hello", Digest: e.Digests[0],
		Reason: "malware"}, http.StatusConflict); !strings.Contains(p.Detail, e.ID) {
		t.Errorf("the same again: %+v", p)
	}
	if half := w.do(w.ada, e.ID, "undo"); half.State != index.EmergencyInForce || len(half.Undo) != 1 || half.Source != index.EmergencyOfLedger {
		t.Errorf("one word: %+v", half)
	}
	w.pulls("1.1.0", http.StatusForbidden)
	w.refused(w.ada, e.ID, "undo", http.StatusConflict, index.CodeSecondPerson)
	if e = w.do(w.grace, e.ID, "undo"); e.State != index.EmergencyUndone || !e.Settled {
		t.Errorf("undone: %+v", e)
	}
	w.pulls("1.1.0", http.StatusOK)
	w.state("1.1.0", index.VersionActive)
	page := ask[index.LedgerPage](t, w.Server, w.bootstrap, "GET", "/api/v1/plugins/acme/hello/history", nil, http.StatusOK)
	if last := page.Items[len(page.Items)-1]; last.Kind != "emergency.undone" || last.Actor != "person:ada" ||
		last.Body["approved_by"].([]any)[0] != "person:grace" {
		t.Errorf("stated: %+v", last)
	}
	if list := w.listed(w.ada, ""); len(list.Items) != 1 || list.Items[0].State != index.EmergencyUndone {
		t.Errorf("at the end: %+v", list)
	}
}

// Proves E11: pages go through records and what ledgers alone know in one order, each
// once; owners see those of their plugins.
func TestEmergenciesOfLedgersAndRecordsInOneList_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	w.declared(index.NewEmergency{Version: "1.0.0"})
	w.hand.Advance(time.Minute)
	w.declared(index.NewEmergency{Version: "1.1.0"})
	w.afterLoss(nil)
	w.claimed()
	w.hand.Advance(time.Minute)
	for range 3 {
		w.do(w.ada, w.propose(w.ada, index.NewEmergency{All: true}).ID, "undo")
		w.hand.Advance(time.Minute)
	}
	whole := w.listed(w.ada, "").Items
	if len(whole) != 5 || whole[2].Source != index.EmergencyOfSite || whole[3].Source != index.EmergencyOfLedger || !whole[3].CreatedAt.After(whole[4].CreatedAt) {
		t.Errorf("whole: %+v", whole)
	}
	for _, limit := range []string{"1", "2", "3", "4", "5"} {
		var got []string
		for cursor := ""; ; {
			page := w.listed(w.ada, "limit="+limit+"&cursor="+cursor)
			for _, e := range page.Items {
				got = append(got, e.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if want := []string{whole[0].ID, whole[1].ID, whole[2].ID, whole[3].ID, whole[4].ID}; !slices.Equal(got, want) {
			t.Errorf("by %s: %v, expected %v", limit, got, want)
		}
	}
	for _, cursor := range []string{"nosuch", "~", "~x~y", "a~b", "nosuch~1~y"} {
		ask[index.Problem](t, w.Server, w.ada, "GET", "/api/v1/emergencies?cursor="+cursor, nil, http.StatusBadRequest)
	}
	stranger := accountOf(t, w.Server, w.bootstrap, "sam")
	if list := w.listed(stranger, ""); len(list.Items) != 0 {
		t.Errorf("a stranger sees %+v", list)
	}
	ask[index.Problem](t, w.Server, stranger, "GET", "/api/v1/emergencies/"+whole[4].ID, nil, http.StatusNotFound)
}

// Proves E1, E11: where a ledger cannot be read, nobody says that there is no emergency:
// the list names the plugin, and an ID that is not known is no 404.
func TestAnEmergencyOfALedgerThatCannotBeRead_E1_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	was := w.declared(index.NewEmergency{Version: "1.1.0"})
	w.afterLoss(func(data string) {
		blob := filepath.Join(data, "registry/docker/registry/v2/blobs/sha256", was.Statements[0].Encoded()[:2], was.Statements[0].Encoded(), "data")
		must(0, os.WriteFile(blob, []byte("{}"), 0o600))
		must(0, os.RemoveAll(filepath.Join(data, "ledgers.json")))
		for _, at := range must(filepath.Glob(filepath.Join(data, "catalog.checkpoint*"))) {
			must(0, os.RemoveAll(at))
		}
	})
	list := w.listed(w.ada, "")
	if len(list.Items) != 0 || len(list.Unread) != 1 || list.Unread[0].Plugin != "acme/hello" || list.Unread[0].Problem == "" {
		t.Errorf("%+v", list)
	}
	id := "stmt-" + was.Statements[0].Encoded()[:32]
	p := ask[index.Problem](t, w.Server, w.ada, "GET", "/api/v1/emergencies/"+id, nil, http.StatusServiceUnavailable)
	if !strings.Contains(p.Detail, "acme/hello") {
		t.Errorf("%+v", p)
	}
	w.refused(w.ada, id, "undo", http.StatusServiceUnavailable, index.CodeUnavailable)
	stranger := accountOf(t, w.Server, w.bootstrap, "sam")
	if list := w.listed(stranger, ""); len(list.Unread) != 0 {
		t.Errorf("a stranger is told of %+v", list)
	}
	ask[index.Problem](t, w.Server, stranger, "GET", "/api/v1/emergencies/"+id, nil, http.StatusNotFound)
}

// Proves E1, E11: on a mirror an emergency of the source is listed with the platform
// that it is of, and undone there and not here; once the source undid it and the ledger
// came again, it is in the list no more.
func TestAnEmergencyOfAMirroredLedger_E1_E11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	there := &cellWorld{Server: w.Server, t: t, config: w.config, tokens: map[table.Role]string{table.Admin: w.bootstrap}}
	here := openMirror(there, func(to *Server, admin string) error { return copyLedger(t, w.Server, to, admin, "acme") })
	for _, v := range []string{"1.0.0", "1.1.0"} {
		here.bringTag(there, "acme/hello", v)
	}
	was := w.declared(index.NewEmergency{All: true})
	here.bringTag(there, "acme/hello", artifact.StateTag)
	if err := here.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := &emergencyWorld{Server: here.Server, t: t, config: config.Config{}, bootstrap: here.tokens[table.Admin]}
	m.ada, m.grace = accountOf(t, m.Server, m.bootstrap, "ada", "admin"), accountOf(t, m.Server, m.bootstrap, "grace", "admin")
	list := m.listed(m.ada, "")
	if len(list.Items) != 1 || list.Items[0].Source != index.EmergencyOfMirror || !strings.HasPrefix(list.Items[0].Platform, "there (sha256:") ||
		!list.Items[0].All || !slices.Equal(list.Items[0].Statements, []digest.Digest{was.Statements[0]}) {
		t.Fatalf("on the mirror: %+v", list)
	}
	id := list.Items[0].ID
	if shown := m.shown(id); shown.Source != index.EmergencyOfMirror || len(shown.MayConfirm) != 0 {
		t.Errorf("one: %+v", shown)
	}
	if said := m.refused(m.ada, id, "undo", http.StatusConflict, index.CodeConflict); !strings.Contains(said, "there (sha256:") {
		t.Errorf("undo: %s", said)
	}
	m.pulls("1.1.0", http.StatusForbidden)
	w.do(w.ada, was.ID, "undo")
	w.do(w.grace, was.ID, "undo")
	here.bringTag(there, "acme/hello", artifact.StateTag)
	if err := here.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := m.listed(m.ada, ""); len(list.Items) != 0 {
		t.Errorf("after its end: %+v", list)
	}
	m.pulls("1.1.0", http.StatusOK)
}
