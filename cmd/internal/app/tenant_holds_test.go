package app

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
)

// TestATenantHoldsWhatItHas_I3: whatever comes after it and whatever it pins, until the
// hold is ended; holding all is one act.
func TestATenantHoldsWhatItHas_I3(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "^4"}}`)
	boss, viewer := tenantOf(t, s, admin, "north")
	const north, hello = "/api/v1/tenants/north", "/api/v1/tenants/north/plugins/acme/hello"
	given := func(method, act string, body any) index.TenantPlugin {
		t.Helper()
		return ask[index.TenantPlugin](t, s, boss, method, hello+act, body, http.StatusOK)
	}
	given("POST", "/enable", map[string]any{})
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.1.0", "engines": {"acme-editor": "^4"}}`)
	for _, body := range []map[string]any{{"until": "2001-01-01T00:00:00Z"}, {"until": "2999-01-01T00:00:00Z"}, {"until": soon(), "reason": "a\nb"}} {
		if code, text := sent(t, s, boss, "POST", hello+"/hold", body); code != 400 {
			t.Errorf("%v: %d %s", body, code, text)
		}
	}
	if code, _ := sent(t, s, viewer, "POST", north+"/hold", map[string]any{"until": soon()}); code != 403 {
		t.Errorf("a viewer: %d", code)
	}
	until := map[string]any{"until": soon(), "reason": "end of the year"}
	if p := given("POST", "/hold", until); p.Version != "1.1.0" || p.Hold == nil || p.Hold.By != "person:north-boss" || p.Hold.Reason != "end of the year" {
		t.Errorf("held, it is %+v", p)
	}
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.2.0", "engines": {"acme-editor": "^4"}}`)
	last := newest(t, s, admin, 0)
	if p := given("POST", "/hold", until); p.Version != "1.1.0" || p.Revision != 2 {
		t.Errorf("held again, it is %+v", p)
	}
	if rows := newest(t, s, admin, last[0].Seq); len(rows) != 0 {
		t.Errorf("held again, it wrote %+v", rows)
	}
	if p := given("POST", "/pin", map[string]any{"version": "1.0.0"}); p.Version != "1.1.0" || p.Pin != "1.0.0" {
		t.Errorf("pinned while it is held, it is %+v", p)
	}
	if code, text := sent(t, s, boss, "POST", hello+"/pin", map[string]any{"version": "7.0.0"}); code != 404 || !strings.Contains(text, "version_not_found") {
		t.Errorf("pinned to what is not there while it is held: %d %s", code, text)
	}
	if p := given("DELETE", "/hold", nil); p.Version != "1.0.0" || p.Hold != nil {
		t.Errorf("held no more, it is %+v", p)
	}
	given("DELETE", "/pin", nil)
	if all := ask[index.TenantHeld](t, s, boss, "POST", north+"/hold", until, 200); len(all.Plugins) != 1 || all.Hold == nil {
		t.Errorf("all held: %+v", all)
	}
	if all := ask[index.TenantHeld](t, s, boss, "POST", north+"/hold", until, 200); len(all.Plugins) != 0 {
		t.Errorf("all held again: %+v", all)
	}
	short := map[string]any{"until": time.Now().Add(time.Minute).UTC().Format(time.RFC3339)}
	if all := ask[index.TenantHeld](t, s, boss, "POST", north+"/hold", short, 200); len(all.Plugins) != 0 {
		t.Errorf("all held for less long: %+v", all)
	}
	if all := ask[index.TenantHeld](t, s, boss, "DELETE", north+"/hold", nil, 200); len(all.Plugins) != 1 || all.Hold != nil {
		t.Errorf("all held no more: %+v", all)
	}
}

// TestADamagedRowOfATenantBreaksNoOther_I7: it is named where it is listed, it can be put
// right, and what it says is told to nobody else.
func TestADamagedRowOfATenantBreaksNoOther_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publishHello(t, s, admin)
	publish(t, s, admin, `{"id": "acme/other", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	boss, _ := tenantOf(t, s, admin, "north")
	tenantOf(t, s, admin, "south")
	for _, name := range []string{"editor-1", "editor-2"} {
		editorOf(t, s, boss, "north", name, "4.2.0")
	}
	const north = "/api/v1/tenants/north"
	for _, id := range []string{"acme/hello", "acme/other"} {
		ask[index.TenantPlugin](t, s, boss, "POST", north+"/plugins/"+id+"/enable", map[string]any{}, 200)
	}
	db := filepath.Join(s.cfg.Data, "oarlock.db")
	editDatabase(t, db, "UPDATE tenant_installs SET pin = 'x' WHERE plugin = 'acme/other'")
	editDatabase(t, db, "UPDATE tenant_hosts SET version = 'x' WHERE name = 'editor-2'")
	editDatabase(t, db, "UPDATE tenants SET niches = '{' WHERE id = 'south'")

	list := ask[index.TenantPluginList](t, s, boss, "GET", north+"/plugins", nil, 200)
	if len(list.Items) != 2 || list.Items[0].Version != "1.1.0" || list.Items[1].Version != "" || list.Items[1].Reasons[0].Code != index.CodeUnavailable {
		t.Errorf("its plugins: %+v", list.Items)
	}
	ask[index.TenantPlugin](t, s, boss, "GET", north+"/plugins/acme/other", nil, 200)
	code, text := sent(t, s, boss, "POST", north+"/plugins/acme/other/pin", map[string]any{"version": "1.0.0"})
	if code != 503 || !strings.Contains(text, "disable it") {
		t.Errorf("pinned: %d %s", code, text)
	}
	ask[index.TenantPlugin](t, s, boss, "POST", north+"/plugins/acme/other/disable", nil, 200)
	if p := ask[index.TenantPlugin](t, s, boss, "POST", north+"/plugins/acme/other/enable", map[string]any{}, 200); p.Version != "1.0.0" {
		t.Errorf("disabled and enabled, it is %+v", p)
	}
	hosts := ask[index.TenantHostList](t, s, boss, "GET", north+"/hosts", nil, 200)
	if len(hosts.Items) != 2 || hosts.Items[0].Problem != "" || hosts.Items[1].Problem == "" {
		t.Errorf("its hosts: %+v", hosts.Items)
	}
	h := ask[index.TenantHost](t, s, boss, "PATCH", north+"/hosts/editor-2", map[string]any{"host_version": "4.3.0"}, 200)
	if h.Problem != "" || h.HostVersion != "4.3.0" {
		t.Errorf("set anew, the host is %+v", h)
	}
	editDatabase(t, db, "UPDATE tenant_hosts SET host = ''")
	if code, text := sent(t, s, boss, "GET", north+"/plugins", nil); code != 503 || !strings.Contains(text, "cannot be read") {
		t.Errorf("of no host it is known what it is: %d %s", code, text)
	}
	ask[any](t, s, boss, "DELETE", north+"/hosts/editor-2", nil, 204)
	tenants := ask[index.TenantList](t, s, admin, "GET", "/api/v1/tenants", nil, 200)
	if len(tenants.Items) != 2 || tenants.Items[0].Problem != "" || tenants.Items[1].Problem == "" {
		t.Errorf("tenants: %+v", tenants.Items)
	}
	if code, text := sent(t, s, admin, "GET", "/api/v1/tenants/south", nil); code != 503 || !strings.Contains(text, "backup") {
		t.Errorf("the damaged one: %d %s", code, text)
	}
}
