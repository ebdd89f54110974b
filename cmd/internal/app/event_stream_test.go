package app

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/notify"
)

// lifecycleEvents reads the lifecycle events of a stream, and their ids.
func lifecycleEvents(t *testing.T, s *Server, token, lastID string) func() (index.CloudEvent, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := visitor.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	next := func() (event, id, data string) {
		for lines.Scan() && lines.Text() != "" {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "event":
				event = value
			case "id":
				id = value
			case "data":
				data = value
			}
		}
		return event, id, data
	}
	if event, _, _ := next(); event != "generation" { // from here on nothing is missed
		t.Fatalf("at first came %q", event)
	}
	return func() (e index.CloudEvent, id string) {
		t.Helper()
		for lines.Err() == nil {
			if event, id, data := next(); event == "lifecycle" {
				if err := json.Unmarshal([]byte(data), &e); err != nil {
					t.Fatal(err)
				}
				return e, id
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return e, ""
	}
}

// Proves E8: what is written down in the database is told on an open stream, and to
// who resumes; of private plugins to their members alone.
func TestStreamsTellWhatHappened_E8_B9(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "secretco", "private": true}, 201)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	happens := func(id, plugin string) {
		t.Helper()
		now := time.Now()
		publisher, _, _ := strings.Cut(plugin, "/")
		_, err := s.accounts.store.AddEvent(t.Context(), notify.Event{ID: id, Type: notify.PluginDeprecated, At: now, Noted: now, Publisher: publisher, Plugin: plugin,
			Data: json.RawMessage(`{"publisher":"` + publisher + `","plugin":"` + plugin + `"}`)})
		if err != nil {
			t.Fatal(err)
		}
	}
	happens("before", "acme/hello")
	anybody, member := lifecycleEvents(t, s, "", ""), lifecycleEvents(t, s, admin, "")
	happens("hidden", "secretco/tool")
	happens("open", "acme/hello")
	e, first := anybody()
	if e.ID != "open" || e.Subject != "acme/hello" || e.Source == "" {
		t.Errorf("to anybody came %+v", e)
	}
	if e, _ := member(); e.ID != "hidden" {
		t.Errorf("to a member came %+v", e)
	}
	happens("later", "acme/hello")
	if e, _ := lifecycleEvents(t, s, "", first)(); e.ID != "later" {
		t.Errorf("after a resume came %+v", e)
	}
}
