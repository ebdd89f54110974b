//go:build e2e

package replicas

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
)

// within is how long another replica may take to refuse what was acknowledged at one.
const within = time.Second

// ask sends JSON and reads an answer of a status into T.
func ask[T any](t *testing.T, r *replica, token, method, path, body string, want int) (v T) {
	t.Helper()
	header := []string{"Content-Type", "application/json"}
	if token != "" {
		header = append(header, "Authorization", "Bearer "+token)
	}
	status, _, raw, err := r.send(method, path, []byte(body), header...)
	if err != nil || status != want {
		t.Fatalf("%s %s: status %d, %v, expected %d: %s", method, path, status, err, want, raw)
	}
	if err := json.Unmarshal(raw, &v); err != nil && len(raw) > 0 {
		t.Fatal(err)
	}
	return v
}

// pulls wants a pull of a tag answered so.
func (r *replica) pulls(reference string, want int) error {
	status, _, body, err := r.send("GET", "/v2/acme/hello/manifests/"+reference, nil)
	if err == nil && status != want {
		err = fmt.Errorf("a pull is %d, expected %d: %.200s", status, want, body)
	}
	return err
}

// why wants the version's reasons to hold a word, or to hold it no more.
func (r *replica) why(version, word string, want bool) error {
	status, _, body, err := r.send("GET", "/api/v1/plugins/acme/hello/why", nil)
	if err == nil && (status != http.StatusOK || strings.Contains(string(body), word) != want) {
		err = fmt.Errorf("why: %d, expected %q in it: %v: %s", status, word, want, body)
	}
	return err
}

// follow reads an event stream, and says when each generation comes.
func (r *replica) follow(t *testing.T) <-chan time.Time {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.addr+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan time.Time, 1000)
	go func() {
		defer close(told)
		defer resp.Body.Close()
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			if strings.HasPrefix(scan.Text(), "data:") {
				told <- time.Now()
			}
		}
	}()
	<-told // the generation that is there
	return told
}

// Proves E5, E11 and K7: what one replica acknowledged of an emergency the other one
// refuses within a second, says why, and tells who follows its events; its end likewise.
// Each counts how long it took it.
func TestAnEmergencyReachesTheOtherReplica_E5_E11_K7(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a, b := s.start(t), s.start(t)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		if err := a.publish("acme/hello", version, layer); err != nil {
			t.Fatal(err)
		}
		until(t, patience, "the other replica has it", func() error { return b.listed("acme/hello", version) })
	}
	other, events := a.follow(t), b.follow(t)
	reaches := func(what string, pull int, word string, stopped bool) {
		t.Helper()
		acknowledged := time.Now()
		until(t, within, what+": the pull at the other replica", func() error { return b.pulls("1.1.0", pull) })
		took := time.Since(acknowledged)
		until(t, within, what+": why at the other replica", func() error { return b.why("1.1.0", word, stopped) })
		why := time.Since(acknowledged)
		if err := b.pulls("1.0.0", http.StatusOK); err != nil {
			t.Errorf("%s: another version: %v", what, err)
		}
		t.Logf("%s: the other replica's pull after %v, why after %v", what, took, why)
	}
	tells := func(what string, since time.Time) {
		t.Helper()
		deadline := time.After(within)
		for {
			select {
			case at, open := <-events:
				if !open {
					t.Fatalf("%s: the stream ended", what)
				}
				if at.After(since) {
					return
				}
			case <-deadline:
				t.Errorf("%s: the other replica's events told nothing within %v", what, within)
				return
			}
		}
	}
	before := time.Now()
	e := ask[index.Emergency](t, a, "", "POST", "/api/v1/emergencies", `{"plugin": "acme/hello", "version": "1.1.0", "reason": "malware"}`, http.StatusCreated)
	reaches("proposed", http.StatusForbidden, "emergency "+e.ID, true)
	tells("proposed", before)
	before = time.Now()
	e = ask[index.Emergency](t, a, "", "POST", "/api/v1/emergencies/"+e.ID+"/confirm", "{}", http.StatusOK)
	if e.State != index.EmergencyInForce || !e.Settled {
		t.Fatalf("confirmed: %+v", e)
	}
	reaches("confirmed", http.StatusForbidden, "on the word of one person", true)
	tells("confirmed", before)
	before = time.Now()
	e = ask[index.Emergency](t, b, "", "POST", "/api/v1/emergencies/"+e.ID+"/undo", "{}", http.StatusOK)
	if e.State != index.EmergencyUndone || !e.Settled {
		t.Fatalf("undone: %+v", e)
	}
	a, b, events = b, a, other
	reaches("undone", http.StatusOK, "must not run", false)
	tells("undone", before)
	for _, r := range []*replica{a, b} {
		until(t, patience, "it counts its own time", r.counted)
	}
}

// counted wants one time until it refused in the replica's numbers, of less than a second.
func (r *replica) counted() error {
	_, _, body, err := r.send("GET", "/metrics", nil)
	for _, line := range []string{`_bucket{le="1"} 1`, "_count 1"} {
		if line = "oarlock_emergency_refused_seconds" + line; err == nil && !strings.Contains(string(body), line+"\n") {
			err = fmt.Errorf("its numbers lack %s", line)
		}
	}
	return err
}
