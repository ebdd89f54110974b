package app

import (
	"encoding/json"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index/notify"
	"github.com/oarlock/oarlock/index/store"
)

// Proves E8: an event that cannot be read keeps those after it from no stream.
func TestADamagedEventKeepsNoOtherFromStreams_E8(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "oarlock.db")
	s, err := store.Open(t.Context(), "sqlite://"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	now := time.Now().UTC()
	for _, id := range []string{"e1", "e2", "e3"} {
		e := notify.Event{ID: id, Type: notify.Type("dev.oarlock.plugin.deprecated.v1"), At: now, Noted: now,
			Publisher: "acme", Plugin: "acme/hello", Data: json.RawMessage("{}")}
		if _, err := s.AddEvent(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	editDatabase(t, path, "UPDATE events SET data = '{' WHERE id = 'e2'")
	told, err := toldEvents{s, nil, "https://plugins.example.org", slog.New(slog.DiscardHandler)}.EventsAfter(t.Context(), 0, 10)
	if err != nil || len(told) != 3 || told[0].Event.ID != "e1" || !told[1].Plugin.IsZero() || told[2].Event.ID != "e3" || told[2].Number <= told[1].Number {
		t.Errorf("told %+v, %v", told, err)
	}
}
