package app

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// waiting are the routes that change something and wait for room on a full disk: what
// they make can be made later. All others that change something work there, or write nothing.
var waiting = []string{
	"DELETE /api/v1/admin/blocks",
	"POST /api/v1/accounts", "POST /api/v1/accounts/{principal}/tokens", "POST /api/v1/admin/catalog/root", "POST /api/v1/invitations/accept",
	"POST /api/v1/namespaces", "POST /api/v1/namespaces/{namespace}/invitations", "POST /api/v1/namespaces/{namespace}/transfer",
	"PUT /api/v1/namespaces/{namespace}/members/{principal}",
	"DELETE /api/v1/plugins/{publisher}/{name}/channels/{channel}", "POST /api/v1/plugins/{publisher}/{name}/channels/{channel}",
	"POST /api/v1/plugins/{publisher}/{name}/versions/{version}/unyank",
	"POST /api/v1/publishers/{publisher}/keys", "POST /api/v1/publishers/{publisher}/verification",
	"POST /api/v1/subscriptions", "POST /api/v1/subscriptions/confirm", "POST /api/v1/subscriptions/{id}/resend", "POST /api/v1/subscriptions/{id}/replay",
	"POST /api/v1/tenants", "PATCH /api/v1/tenants/{tenant}", "PUT /api/v1/tenants/{tenant}/members/{principal}",
	"POST /api/v1/tenants/{tenant}/hosts", "PATCH /api/v1/tenants/{tenant}/hosts/{host}", "POST /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/enable",
	"POST /api/v1/tenants/{tenant}/hosts/{host}/resolve", "POST /api/v1/tenants/{tenant}/hosts/{host}/report",
	"POST /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/pin", "DELETE /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/pin",
	"POST /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/hold", "DELETE /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/hold",
	"PUT /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/config",
	"POST /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/config/revisions/{revision}/restore",
	"POST /api/v1/tenants/{tenant}/hold", "DELETE /api/v1/tenants/{tenant}/hold",
	"POST /api/v1/tokens", "POST /api/v1/webhooks", "POST /api/v1/webhooks/{id}/replay", "POST /api/v1/webhooks/{id}/rotate", "POST /api/v1/webhooks/{id}/test",
}

// Proves E4, E5, A8: of each route that changes something it is said whether it works on
// a full disk, as what stops a plugin or a version does.
func TestOfEachChangeItIsSaidWhetherItWorksOnAFullDisk_E4_E5(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../index/api/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, methods := range spec.Paths {
		for method := range methods {
			if method == "get" {
				continue
			}
			route := strings.ToUpper(method) + " " + path
			r := httptest.NewRequest(strings.ToUpper(method), strings.NewReplacer("{", "", "}", "").Replace(path), nil)
			seen[route] = true
			waits := slices.Contains(waiting, route)
			if works := matches(safety, r) || matches(questions, r); works == waits {
				t.Errorf("%s: works on a full disk: %v, and is said to wait: %v", route, works, waits)
			}
		}
	}
	for _, route := range waiting {
		if !seen[route] {
			t.Errorf("%s is no route", route)
		}
	}
}

// What passes without a look at the lists is in none that asks for more.
func TestAPlainReadIsNoActOfSafety(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
		for _, path := range []string{"/", "/v2/", "/v2/a/b/manifests/1.0.0", "/api/v1/plugins", "/api/v1/tokens/7", "/api/v1/admin/fsck",
			"/api/v1/admin/gc", "/api/v1/admin/blocks", "/api/v1/namespaces/a", "/api/v1/resolve", "/log/checkpoint"} {
			r := httptest.NewRequest(method, path, nil)
			if plainRead(r) && (matches(safety, r) || !matches(questions, r)) {
				t.Errorf("%s %s is taken for a plain read", method, path)
			}
		}
	}
	if !plainRead(httptest.NewRequest("GET", "/v2/a/b/blobs/sha256:00", nil)) {
		t.Error("the read of a blob is looked up in the lists")
	}
}
