package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/catalog"
)

// happened are events that two replicas share, as a database does.
type happened struct {
	mu  sync.Mutex
	all []api.PluginEvent
	// decides says that the callers may know of what is confidential.
	decides bool
}

func (h *happened) EventsAfter(_ context.Context, number int64, limit int) (out []api.PluginEvent, _ error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.all {
		if e.Number > number && len(out) < limit {
			out = append(out, e)
		}
	}
	return out, nil
}

// MayDecide lets nobody.
func (h *happened) MayDecide(context.Context, artifact.Name) (bool, error) { return h.decides, nil }

func (h *happened) LastEvent(context.Context) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) == 0 {
		return 0, nil
	}
	return h.all[len(h.all)-1].Number, nil
}

// add has something happen to a plugin; its number has gaps, as in a database.
func (h *happened) add(t *testing.T, plugin string, details map[string]any) {
	t.Helper()
	id, err := artifact.ParseName(plugin)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	n := int64(len(h.all)+1) * 3
	h.all = append(h.all, api.PluginEvent{Number: n, Plugin: id,
		Event: index.CloudEvent{SpecVersion: "1.0", ID: fmt.Sprintf("event-%d", n), Subject: plugin, Data: index.EventData{Plugin: plugin, Details: details}}})
}

// replica serves the catalog of one site with events that others tell too.
func replica(t *testing.T, events api.PluginEvents) (*httptest.Server, *api.Server) {
	t.Helper()
	live := catalog.NewLive(catalog.LiveOptions{})
	if _, err := live.Swap(live.Current().Snapshot.With([]catalog.Plugin{plugin(t, "acme/hello", "1.0.0 >=1")}, nil)); err != nil {
		t.Fatal(err)
	}
	served := api.New(api.Options{Live: live, Ready: func() error { return nil }, Events: events, Visibility: func(context.Context) (catalog.Visibility, error) {
		return catalog.Visibility{Class: "public", Sees: func(id artifact.Name) bool { return id.Publisher() != "secret" }}, nil
	}})
	s := httptest.NewServer(served)
	t.Cleanup(func() { served.Drain(); s.Close() })
	return s, served
}

type sent struct {
	event, id string
	data      index.CloudEvent
}

// follow opens a stream, and gives its lifecycle events one by one.
func follow(t *testing.T, s *httptest.Server, lastID string) (next func() sent) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	resp, err := web.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %s", resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	read := func() (one sent) {
		t.Helper()
		for lines.Scan() && lines.Text() != "" {
			switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
			case "event":
				one.event = value
			case "id":
				one.id = value
			case "data":
				if err := json.Unmarshal([]byte(value), &one.data); err != nil {
					t.Fatal(err)
				}
			}
		}
		if one.event == "" {
			t.Fatalf("the stream ended: %v", lines.Err())
		}
		return one
	}
	if first := read(); first.event != "generation" {
		t.Fatalf("at first came %+v", first)
	}
	return func() sent {
		for {
			if one := read(); one.event == "lifecycle" {
				return one
			}
		}
	}
}

// Proves E8: who lost the stream goes on where it was, at another replica, and
// misses nothing and reads nothing twice; also far behind what is in memory.
func TestLifecycleEventsResumeAtAnotherReplica_E8(t *testing.T) {
	t.Parallel()
	db := new(happened)
	db.add(t, "acme/hello", nil) // before anybody follows
	one, first := replica(t, db)
	two, second := replica(t, db)
	look := func(s *api.Server) {
		t.Helper()
		if err := s.FollowEvents(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	next := follow(t, one, "")
	db.add(t, "acme/hello", nil)
	look(first)
	got := next()
	if got.data.ID != "event-6" || !strings.HasSuffix(got.id, ".6") {
		t.Fatalf("what comes first is %+v, want event-6", got)
	}
	for range 3000 {
		db.add(t, "acme/hello", nil)
	}
	look(second)
	resumed := follow(t, two, got.id)
	for want := int64(9); want <= 9006; want += 3 {
		if got = resumed(); got.data.ID != fmt.Sprintf("event-%d", want) {
			t.Fatalf("after the resume came %+v, want event-%d", got, want)
		}
	}
	db.add(t, "acme/hello", nil)
	look(second)
	if got = resumed(); got.data.ID != "event-9009" {
		t.Errorf("then came %+v", got)
	}
	// One that tells less than a replica that was ahead does not tell it again.
	lagging := follow(t, one, got.id)
	db.add(t, "acme/hello", nil)
	look(first)
	if got = lagging(); got.data.ID != "event-9012" {
		t.Errorf("at the replica that was behind came %+v", got)
	}
}

// Proves B9: a stream tells nothing of what its reader may not know of, and does
// not name it as a replacement.
func TestLifecycleEventsTellNothingPrivate_B9(t *testing.T) {
	t.Parallel()
	db := new(happened)
	s, served := replica(t, db)
	next := follow(t, s, "1.0")
	details := map[string]any{"replacement": "secret/tool", "reason": "superseded"}
	db.add(t, "secret/tool", nil)
	db.add(t, "acme/hello", details)
	db.add(t, "acme/hello", map[string]any{"replacement": "acme/other"})
	if err := served.FollowEvents(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := next()
	if _, named := got.data.Data.Details["replacement"]; got.data.ID != "event-6" || named || got.data.Data.Details["reason"] != "superseded" {
		t.Errorf("at first came %+v", got)
	}
	if got = next(); got.data.Data.Details["replacement"] != "acme/other" {
		t.Errorf("then came %+v", got)
	}
	if details["replacement"] != "secret/tool" {
		t.Error("what others are told lost the replacement too")
	}
}

// An id that is none of ours is refused in words.
func TestLastEventIDIsRefusedInWords(t *testing.T) {
	t.Parallel()
	s, _ := replica(t, new(happened))
	for id, want := range map[string]int{"7": 200, "7.9": 200, "x": 400, "7.": 400, "-1.2": 400, "7.8.9": 400, "1.99999999999999999999": 400, ".": 400} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Last-Event-ID", id)
		resp, err := web.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _ = resp.Body.Close(); resp.StatusCode != want {
			t.Errorf("%q: %s, want %d", id, resp.Status, want)
		}
	}
}
