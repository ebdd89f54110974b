package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/oarlock/oarlock/index"
)

// TestOneSettingDoesNotUndoAnother_K6: two who set different things of a namespace
// at once both have it, none is refused, and its ledger says the same.
func TestOneSettingDoesNotUndoAnother_K6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, nil)
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	patch := func(set map[string]any) {
		raw, _ := json.Marshal(set)
		r, err := http.NewRequestWithContext(t.Context(), "PATCH", s.URL()+"/api/v1/namespaces/acme", bytes.NewReader(raw))
		if err != nil {
			t.Error(err)
			return
		}
		r.Header.Set("Authorization", "Bearer "+admin)
		r.Header.Set("Content-Type", "application/json")
		resp, err := visitor.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", raw, resp.Status)
		}
	}
	for round := range 12 {
		private, publishing := round%2 == 0, []string{"on", "off"}[(round/2)%2]
		var all sync.WaitGroup
		all.Go(func() { patch(map[string]any{"private": private}) })
		all.Go(func() { patch(map[string]any{"publishing": publishing}) })
		all.Wait()
		n := ask[index.NamespaceDetail](t, s, admin, "GET", "/api/v1/namespaces/acme", nil, http.StatusOK)
		if n.Private != private || n.Publishing != publishing {
			t.Fatalf("round %d: private %t, publishing %s, want %t and %s", round, n.Private, n.Publishing, private, publishing)
		}
		p := ask[index.Publisher](t, s, admin, "GET", "/api/v1/publishers/acme", nil, http.StatusOK)
		if diff := cmp.Diff([]any{private, publishing}, []any{p.Private, p.Publishing}); diff != "" {
			t.Fatalf("round %d: the ledger (-want +got):\n%s", round, diff)
		}
	}
}
