package app

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/emergency"
)

// dying is a part of what emergencies are joined with, and kills the process before or
// after one of its steps, as kill -9 does.
type dying struct {
	emergency.Holds
	index.Ledger
	at string
}

// dyingAt has the process die at a step such as "before hold" or "after append".
func dyingAt(at string) func(*emergency.Options) {
	return func(o *emergency.Options) {
		d := dying{o.Holds, o.Ledger, at}
		o.Holds, o.Ledger = d, d
	}
}

func (d dying) step(name string) {
	if d.at == name {
		_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
		select {}
	}
}

func (d dying) Hold(ctx context.Context, h emergency.Hold) error {
	d.step("before hold")
	defer d.step("after hold")
	return d.Holds.Hold(ctx, h)
}

func (d dying) Release(ctx context.Context, h emergency.Hold) error {
	d.step("before release")
	defer d.step("after release")
	return d.Holds.Release(ctx, h)
}

func (d dying) Append(ctx context.Context, s index.NewStatement) (index.LedgerEntry, error) {
	d.step("before append")
	defer d.step("after append")
	return d.Ledger.Append(ctx, s)
}

// Proves E5, E11 and K6: whoever kills the server between two steps of an emergency
// finds it decided, from the first answer of the next start on nothing is pulled that is
// to be held, and the rest is done, once.
func TestKilledWithinAnEmergency_E5_E11_K6(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	id := ""
	statements, later := 0, time.Duration(0)
	for _, row := range []struct {
		who, step, at string
		state         index.EmergencyState
		pulls         int // when it is done; until then it is refused
		statements    int
	}{
		{w.ada, "propose", "before hold", index.EmergencyProposed, http.StatusForbidden, 0},
		{w.ada, "undo", "before release", index.EmergencyWithdrawn, http.StatusOK, 0},
		{w.ada, "propose", "after hold", index.EmergencyProposed, http.StatusForbidden, 0},
		{w.ada, "undo", "after release", index.EmergencyWithdrawn, http.StatusOK, 0},
		{w.ada, "propose", "", index.EmergencyProposed, http.StatusForbidden, 0},
		{w.grace, "confirm", "before append", index.EmergencyInForce, http.StatusForbidden, 1},
		{w.ada, "undo", "", index.EmergencyInForce, http.StatusForbidden, 0},
		{w.grace, "undo", "before append", index.EmergencyUndone, http.StatusOK, 1},
		{w.ada, "propose", "", index.EmergencyProposed, http.StatusForbidden, 0},
		{w.grace, "confirm", "after append", index.EmergencyInForce, http.StatusForbidden, 1},
		{w.ada, "undo", "", index.EmergencyInForce, http.StatusForbidden, 0},
		{w.grace, "undo", "after append", index.EmergencyUndone, http.StatusOK, 1},
	} {
		later += time.Minute
		env := []string{childTrust + "=" + w.config.Trust, childLater + "=" + later.String()}
		if row.at != "" {
			p := w.spawned(append(env, childDies+"="+row.at)...)
			if status := w.stepAt(p.url, row.who, id, row.step); status != 0 {
				t.Fatalf("%s by a server that dies %s: answered %d", row.step, row.at, status)
			}
			p.Wait()
			// The lease of the one that died is not over yet: what is held is held already.
			early := w.spawned(env...)
			if row.pulls != http.StatusOK && pulled(t, early.url, "acme/hello", "1.1.0") == http.StatusOK {
				t.Errorf("%s, killed %q: it is pulled after the restart", row.step, row.at)
			}
			early.kill()
			later += time.Minute
			env[1] = childLater + "=" + later.String()
		}
		p := w.spawned(env...)
		if row.at == "" {
			if status := w.stepAt(p.url, row.who, id, row.step); status >= 300 {
				t.Fatalf("%s: %d", row.step, status)
			}
		}
		e := w.settledAt(p.url, row.pulls)
		id = e.ID
		statements += row.statements
		status, raw := answered(t, w.bootstrap, "GET", p.url+"/api/v1/plugins/acme/hello/history", nil)
		// So soon after a start it may not be known yet what the ledger says.
		for status == http.StatusServiceUnavailable && t.Context().Err() == nil {
			status, raw = answered(t, w.bootstrap, "GET", p.url+"/api/v1/plugins/acme/hello/history", nil)
		}
		if said := strings.Count(string(raw), `"kind":"emergency.`); e.State != row.state || said != statements || pulled(t, p.url, "acme/hello", "1.1.0") != row.pulls {
			t.Errorf("%s, killed %q: it is %s, expected %s; %d statements, expected %d; a pull is %d, expected %d", row.step, row.at, e.State, row.state,
				said, statements, pulled(t, p.url, "acme/hello", "1.1.0"), row.pulls)
		}
		p.kill()
	}
}

// spawned is a server over the world's data, which answers.
func (w *emergencyWorld) spawned(env ...string) *process {
	w.t.Helper()
	return spawn(w.t, w.config.Data, env...)
}

// stepAt takes a step of an emergency; 0 is no answer.
func (w *emergencyWorld) stepAt(url, token, id, step string) int {
	w.t.Helper()
	path, body := "/api/v1/emergencies", `{"plugin": "acme/hello", "version": "1.1.0", "reason": "malware"}`
	if step != "propose" {
		path, body = path+"/"+id+"/"+step, "{}"
	}
	r := must(http.NewRequestWithContext(w.t.Context(), "POST", url+path, strings.NewReader(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := visitor.Do(r)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// settledAt waits until the newest emergency is settled, and has nothing pulled meanwhile
// that will be held.
func (w *emergencyWorld) settledAt(url string, want int) index.Emergency {
	w.t.Helper()
	for {
		if want != http.StatusOK {
			if status := pulled(w.t, url, "acme/hello", "1.1.0"); status == http.StatusOK {
				w.t.Errorf("it is pulled before all is done")
			}
		}
		status, raw := answered(w.t, w.bootstrap, "GET", url+"/api/v1/emergencies?limit=1", nil)
		var list index.EmergencyList
		if status == http.StatusOK {
			if err := json.Unmarshal(raw, &list); err != nil {
				w.t.Fatal(err)
			}
		}
		if len(list.Items) == 1 && list.Items[0].Settled {
			return list.Items[0]
		}
		if w.t.Context().Err() != nil {
			w.t.Fatalf("not settled: %s", raw)
		}
	}
}
