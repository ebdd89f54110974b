package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// TestNamespacesInPages_B4: one account claims so many at once and no more, and
// a list of namespaces comes in pages that hold what their reader may see.
func TestNamespacesInPages_B4(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Limits.Claims = 4 })
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]string{"name": "eve"}, http.StatusCreated)
	eve := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:eve/tokens", map[string]any{"label": "laptop", "expires_at": soon()}, http.StatusCreated).Secret
	names := []string{"avocet", "curlew", "dunlin", "godwit", "kestrel", "plover", "turnstone", "whimbrel"}
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := 0
	for _, name := range names {
		wg.Go(func() {
			r, err := http.NewRequest("POST", s.URL()+"/api/v1/namespaces", strings.NewReader(`{"name":"`+name+`"}`))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+eve)
			resp, err := visitor.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			if resp.StatusCode == http.StatusCreated {
				got++
			}
		})
	}
	wg.Wait()
	if got != 4 {
		t.Errorf("%d claims at once, want 4", got)
	}
	if p := ask[index.Problem](t, s, eve, "POST", "/api/v1/namespaces", map[string]any{"name": "sanderling"}, http.StatusForbidden); p.Code != index.CodeQuota {
		t.Errorf("%+v", p)
	}
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "aaa-hidden", "private": true}, http.StatusCreated)
	for token, want := range map[string]int{"": 4, admin: 5} {
		seen, cursor := []string{}, ""
		for pages := 0; ; pages++ {
			l := ask[index.NamespaceList](t, s, token, "GET", "/api/v1/namespaces?limit=2&cursor="+cursor, nil, http.StatusOK)
			if len(l.Items) > 2 || pages > 5 {
				t.Fatalf("page %d: %+v", pages, l)
			}
			for _, n := range l.Items {
				seen = append(seen, n.Name)
			}
			if cursor = l.NextCursor; cursor == "" {
				break
			}
		}
		if len(seen) != want {
			t.Errorf("%v", seen)
		}
	}
	ask[index.Problem](t, s, admin, "GET", "/api/v1/namespaces?limit=501", nil, http.StatusBadRequest)
}

// TestOneAccountMakesSoManyTokens_B7: of makers that come at once over HTTP none
// passes the bound, and the refusal says what to do.
func TestOneAccountMakesSoManyTokens_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, func(c *config.Config) { c.Limits.Tokens = 5 })
	ask[any](t, s, admin, "POST", "/api/v1/accounts", map[string]string{"name": "eve"}, http.StatusCreated)
	eve := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/accounts/person:eve/tokens", map[string]any{"label": "laptop", "expires_at": soon()}, http.StatusCreated).Secret
	ask[any](t, s, eve, "POST", "/api/v1/namespaces", map[string]string{"name": "plover"}, http.StatusCreated)
	robot := map[string]any{"kind": "robot", "label": "ci", "namespace": "plover", "scopes": []string{"repository:plover/*:pull"}, "expires_at": soon()}
	body, err := json.Marshal(robot)
	if err != nil {
		t.Fatal(err)
	}
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			r, err := http.NewRequest("POST", s.URL()+"/api/v1/tokens", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+eve)
			resp, err := visitor.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusCreated {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	if made.Load() != 5 {
		t.Errorf("%d tokens at once, want 5", made.Load())
	}
	p := ask[index.Problem](t, s, eve, "POST", "/api/v1/tokens", robot, http.StatusForbidden)
	if text := p.Detail + fmt.Sprint(p.Fixes); p.Code != index.CodeQuota || !strings.Contains(text, "made 5 tokens") || !strings.Contains(text, "oarlock token revoke") {
		t.Errorf("%+v", p)
	}
}
