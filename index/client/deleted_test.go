package client_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// Proves E4 and E10: of a plugin that was deleted a host learns so, by whom, when and
// why, and its standing is that of the table; what runs stays.
func TestAHostLearnsThatAPluginWasDeleted_E4(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.publish(t, "acme/hello", "1.0.0", release{})
	store := openStore(t, s, filepath.Join(t.TempDir(), "plugins"))
	install(t, store, "acme/hello")
	s.change(t, "acme/hello", func(p *catalog.Plugin) {
		p.State, p.Versions = index.StateDeleted, nil
		p.Moves = []index.Move{{State: index.StateDeleted, At: time.Date(2028, 1, 2, 0, 0, 0, 0, time.UTC), By: "person:eve", Reason: "legal"}}
	})
	all, err := store.Standings(t.Context())
	if err != nil || len(all) != 1 || len(all[0].Notices) != 1 {
		t.Fatalf("got %+v, %v", all, err)
	}
	st, want := all[0], (table.State{Plugin: index.StateDeleted}).Cell(table.Anonymous, table.Run).Standing
	if st.State != "deleted" || st.Told != want || st.Notices[0].Standing != want || st.MustStop() || !st.Withdrawn() {
		t.Errorf("standing: %+v, expected %s", st, want)
	}
	for _, word := range []string{"2028-01-02", "person:eve", "legal"} {
		if !strings.Contains(st.Notices[0].Detail, word) {
			t.Errorf("%q is not in %q", word, st.Notices[0].Detail)
		}
	}
	if _, err := store.Update(t.Context()); err != nil {
		t.Errorf("update: %v", err)
	}
	if got := active(t, store); got != "acme/hello 1.0.0" {
		t.Errorf("active: %s", got)
	}
}
