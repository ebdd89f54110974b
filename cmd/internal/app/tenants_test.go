package app

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// withTiers is a site of three tiers on which what is unsigned is listed.
func withTiers(t *testing.T) func(*config.Config) {
	t.Helper()
	listed := unsignedListed(t)
	return func(c *config.Config) {
		listed(c)
		c.Tiers = []string{"free", "pro", "enterprise"}
	}
}

// tenantOf makes a tenant with an admin and a viewer, and gives their tokens.
func tenantOf(t *testing.T, s *Server, admin, id string) (boss, viewer string) {
	t.Helper()
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": id, "tier": "pro"}, http.StatusCreated)
	boss, viewer = accountOf(t, s, admin, id+"-boss"), accountOf(t, s, admin, id+"-eyes")
	ask[any](t, s, admin, "PUT", "/api/v1/tenants/"+id+"/members/person:"+id+"-boss", map[string]any{"role": "tenant-admin"}, http.StatusNoContent)
	ask[any](t, s, admin, "PUT", "/api/v1/tenants/"+id+"/members/person:"+id+"-eyes", map[string]any{"role": "tenant-viewer"}, http.StatusNoContent)
	return boss, viewer
}

// TestTenantsAreKept_I1: made, listed, shown and changed by whoever may, each change
// once and with one row of the audit log.
func TestTenantsAreKept_I1(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	boss, viewer := tenantOf(t, s, admin, "north")
	nobody := accountOf(t, s, admin, "eve")
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": "south"}, http.StatusCreated)

	for name, row := range map[string]struct {
		token, method, path string
		body                any
		status              int
		says                string
	}{
		"an id that is taken":              {admin, "POST", "/tenants", map[string]any{"id": "north"}, 409, "there is one of this id"},
		"an id that is none":               {admin, "POST", "/tenants", map[string]any{"id": "North"}, 400, "North"},
		"a tier that the site has not":     {admin, "POST", "/tenants", map[string]any{"id": "west", "tier": "gold"}, 400, "free, pro, enterprise"},
		"a label without a value":          {admin, "POST", "/tenants", map[string]any{"id": "west", "labels": []string{"region"}}, 400, "key=value"},
		"an environment that is none":      {admin, "POST", "/tenants", map[string]any{"id": "west", "environment": "prod"}, 400, "production"},
		"made by who may not":              {boss, "POST", "/tenants", map[string]any{"id": "west"}, 403, "admin"},
		"the tier by its own admin":        {boss, "PATCH", "/tenants/north", map[string]any{"tier": "enterprise"}, 403, "admin"},
		"changed by who may look":          {viewer, "PATCH", "/tenants/north", map[string]any{"canary": true}, 403, "tenant-admin"},
		"a member without an account":      {boss, "PUT", "/tenants/north/members/person:nobody", map[string]any{"role": "tenant-viewer"}, 404, "account_not_found"},
		"a role that is none":              {boss, "PUT", "/tenants/north/members/person:eve", map[string]any{"role": "owner"}, 400, "tenant-admin"},
		"a member that is none is removed": {boss, "DELETE", "/tenants/north/members/person:eve", nil, 404, "person:eve"},
		"without a login":                  {"", "GET", "/tenants/north", nil, 401, "oarlock login"},
		"a list without a login":           {"", "GET", "/tenants", nil, 401, "oarlock login"},
		"made without a login":             {"", "POST", "/tenants", map[string]any{"id": "west"}, 401, "oarlock login"},
	} {
		if code, text := sent(t, s, row.token, row.method, "/api/v1"+row.path, row.body); code != row.status || !strings.Contains(text, row.says) {
			t.Errorf("%s: %d, expected %d that says %q: %s", name, code, row.status, row.says, text)
		}
	}

	last := newest(t, s, admin, 0)
	changed := ask[index.Tenant](t, s, boss, "PATCH", "/api/v1/tenants/north", map[string]any{"labels": []string{"region=north", "a=b"}, "canary": true}, 200)
	again := ask[index.Tenant](t, s, boss, "PATCH", "/api/v1/tenants/north", map[string]any{"labels": []string{"a=b", "region=north", "a=b"}, "canary": true}, 200)
	if changed.Revision != 2 || again.Revision != 2 || !slices.Equal(again.Labels, []string{"a=b", "region=north"}) || again.Tier != "pro" || !again.Canary {
		t.Errorf("changed to %+v, and again to %+v", changed, again)
	}
	ask[any](t, s, admin, "PUT", "/api/v1/tenants/north/members/person:north-boss", map[string]any{"role": "tenant-admin"}, 204)
	rows := newest(t, s, admin, last[0].Seq)
	if len(rows) != 1 || rows[0].Action != "tenant:manage" || rows[0].Resource != "tenant north" || rows[0].Actor != "person:north-boss" ||
		!strings.Contains(string(rows[0].After), `"canary":true`) || !strings.Contains(string(rows[0].Before), `"canary":false`) {
		t.Errorf("one change and two repeats are written down as %+v", rows)
	}
	for token, want := range map[string]string{admin: "north south", boss: "north", viewer: "north", nobody: ""} {
		ids := []string{}
		for cursor := ""; ; {
			page := ask[index.TenantList](t, s, token, "GET", "/api/v1/tenants?limit=1&cursor="+cursor, nil, 200)
			for _, item := range page.Items {
				ids = append(ids, item.ID)
			}
			if cursor = page.NextCursor; cursor == "" {
				break
			}
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("lists %q, expected %q", got, want)
		}
	}
	members := ask[index.TenantMemberList](t, s, viewer, "GET", "/api/v1/tenants/north/members", nil, 200)
	if len(members.Items) != 2 || members.Items[0].Role != "tenant-admin" || members.NextCursor != "" {
		t.Errorf("members %+v", members)
	}
	who := ask[index.Caller](t, s, boss, "GET", "/api/v1/whoami", nil, 200)
	if len(who.Roles) != 1 || who.Roles[0] != (index.RoleHeld{Role: "tenant-admin", Tenant: "north"}) {
		t.Errorf("whoami says %+v", who.Roles)
	}
	ask[any](t, s, boss, "DELETE", "/api/v1/tenants/north/members/person:north-eyes", nil, 204)
	ask[any](t, s, viewer, "GET", "/api/v1/tenants/north", nil, 404)
}

// operation is one of the API's description.
type operation struct {
	OperationID string `json:"operationId"`
}

// bodies are what the operations on tenants are sent that are no GET: a body that
// the description allows, so that it is not refused before anybody asks whose
// tenant it is.
var bodies = map[string]any{
	"set-tenant": map[string]any{"canary": true}, "set-tenant-member": map[string]any{"role": "tenant-viewer"},
	"remove-tenant-member": nil,
	"add-tenant-host":      map[string]any{"name": "editor-9", "host": "acme-editor", "host_version": "4.0.0", "platform": "linux/amd64"},
	"set-tenant-host":      map[string]any{"host_version": "5.0.0"}, "remove-tenant-host": nil, "rotate-tenant-host": nil,
	"resolve-tenant-host": map[string]any{"take": "server", "epoch": "1.2"},
	"report-host":         map[string]any{"epoch": map[string]any{"key": 1, "counter": 1}, "items": []any{}},
	"enable-plugin":       map[string]any{}, "disable-plugin": nil, "pin-plugin": map[string]any{"version": "1.1.0"}, "unpin-plugin": nil,
	"hold-plugin": map[string]any{"until": soon()}, "unhold-plugin": nil, "hold-tenant": map[string]any{"until": soon()}, "unhold-tenant": nil,
	"configure-plugin": map[string]any{"greeting": "hi"}, "restore-plugin-config": nil,
}

// TestTenantsAreApart_I7: every operation of the description that names a tenant
// answers who is nothing in it as if it did not exist, byte for byte, and leaves
// everything as it is.
func TestTenantsAreApart_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	north, eyes := tenantOf(t, s, admin, "north")
	tenantOf(t, s, admin, "south")
	fillTenant(t, s, admin, "south")
	before := stateOf(t, s, admin, "south")
	api := ask[struct {
		Paths map[string]map[string]operation `json:"paths"`
	}](t, s, "", "GET", "/api/openapi.json", nil, http.StatusOK)
	asked := 0
	for path, methods := range api.Paths {
		if !strings.Contains(path, "{tenant}") {
			continue
		}
		for method, op := range methods {
			body, known := bodies[op.OperationID]
			if method != "get" && !known {
				t.Errorf("%s: the test knows no body of it", op.OperationID)
			}
			asked++
			for _, token := range []string{north, eyes, ""} {
				answer := func(id string) string {
					named := strings.NewReplacer("{tenant}", id, "{principal}", "person:south-eyes", "{publisher}", "acme", "{name}", "p1",
						"{host}", "editor", "{revision}", "1").Replace(path)
					code, text := sent(t, s, token, strings.ToUpper(method), named, body)
					var p map[string]any
					if err := json.Unmarshal([]byte(text), &p); err != nil {
						t.Fatalf("%s: %v in %s", op.OperationID, err, text)
					}
					delete(p, "request_id")
					said, err := json.Marshal(p)
					if err != nil {
						t.Fatal(err)
					}
					return fmt.Sprintf("%d %s", code, said)
				}
				theirs, nobodys := answer("south"), answer("nowhere")
				if want := map[bool]string{true: "401 ", false: "404 "}[token == ""]; theirs != nobodys || !strings.HasPrefix(theirs, want) {
					t.Errorf("%s by %.12q:\nof another %s\nof nobody  %s", op.OperationID, token, theirs, nobodys)
				}
			}
		}
	}
	if asked < 5 {
		t.Errorf("only %d operations name a tenant: the test looks in the wrong place", asked)
	}
	if after := stateOf(t, s, admin, "south"); after != before {
		t.Errorf("another tenant changed it:\nbefore %s\nafter  %s", before, after)
	}
}

// fillTenant gives a tenant something to lose.
func fillTenant(t *testing.T, s *Server, admin, id string) {
	t.Helper()
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	pushAs(t, s, admin, 1)
	editorOf(t, s, admin, id, "editor", "4.0.0")
	ask[index.TenantPlugin](t, s, admin, "POST", "/api/v1/tenants/"+id+"/plugins/acme/p1/enable", map[string]any{}, http.StatusOK)
	ask[index.TenantConfig](t, s, admin, "PUT", "/api/v1/tenants/"+id+"/plugins/acme/p1/config", map[string]any{"greeting": "hello"}, http.StatusOK)
}

// stateOf is all that can be read of a tenant.
func stateOf(t *testing.T, s *Server, admin, id string) string {
	t.Helper()
	all := ""
	for _, path := range []string{"", "/members", "/hosts", "/plugins", "/plugins/acme/p1/config", "/plugins/acme/p1/config/revisions"} {
		_, text := sent(t, s, admin, "GET", "/api/v1/tenants/"+id+path, nil)
		all += text + "\n"
	}
	return all
}
