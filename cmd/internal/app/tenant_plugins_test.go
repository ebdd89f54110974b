package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// editorOf gives a tenant a host, an acme-editor of some version on linux/amd64.
func editorOf(t *testing.T, s *Server, token, tenant, name, version string) {
	t.Helper()
	ask[index.TenantHost](t, s, token, "POST", "/api/v1/tenants/"+tenant+"/hosts",
		map[string]any{"name": name, "host": "acme-editor", "host_version": version, "platform": "linux/amd64"}, http.StatusCreated)
}

// publishHello publishes versions of acme/hello: 1.0.0 and 1.1.0 for editor 4, 2.0.0
// for editor 5, and a prerelease for 4.
func publishHello(t *testing.T, s *Server, admin string) {
	t.Helper()
	for version, engine := range map[string]string{"1.0.0": "^4", "1.1.0": "^4", "1.2.0-beta.1": "^4", "2.0.0": "^5"} {
		publish(t, s, admin, fmt.Sprintf(`{"id": "acme/hello", "version": %q, "engines": {"acme-editor": %q}}`, version, engine))
	}
}

// TestATenantIsGivenWhatFitsItsHosts_I1_I3: the newest that one of its hosts runs, a
// pin before that, and each change once.
func TestATenantIsGivenWhatFitsItsHosts_I1_I3(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publishHello(t, s, admin)
	boss, viewer := tenantOf(t, s, admin, "north")
	editorOf(t, s, boss, "north", "editor-1", "4.2.0")
	const hello = "/api/v1/tenants/north/plugins/acme/hello"
	given := func(method, act string, body any) index.TenantPlugin {
		t.Helper()
		return ask[index.TenantPlugin](t, s, boss, method, hello+act, body, http.StatusOK)
	}
	if p := given("POST", "/enable", map[string]any{}); p.Version != "1.1.0" || !p.Enabled || p.Status != "installed" || p.Standing != "ok" || p.Revision != 1 {
		t.Errorf("enabled, it is given %+v", p)
	}
	last := newest(t, s, admin, 0)
	if p := given("POST", "/enable", map[string]any{}); p.Revision != 1 {
		t.Errorf("enabled again, it is %+v", p)
	}
	if rows := newest(t, s, admin, last[0].Seq); len(rows) != 0 {
		t.Errorf("enabled again, it wrote %+v", rows)
	}
	if p := given("POST", "/pin", map[string]any{"version": "1.2.0-beta.1"}); p.Version != "1.2.0-beta.1" || p.Pin != "1.2.0-beta.1" {
		t.Errorf("pinned to a beta, it is given %+v", p)
	}
	if p := given("DELETE", "/pin", nil); p.Version != "1.1.0" || p.Pin != "" {
		t.Errorf("unpinned, it is given %+v", p)
	}
	ask[index.TenantHost](t, s, boss, "PATCH", "/api/v1/tenants/north/hosts/editor-1", map[string]any{"host_version": "5.0.0"}, 200)
	if p := given("GET", "", nil); p.Version != "2.0.0" {
		t.Errorf("its host is a newer one, and it is given %+v", p)
	}
	if p := given("POST", "/disable", nil); p.Enabled || p.Version != "" || p.InstalledAt.IsZero() {
		t.Errorf("disabled, it is %+v", p)
	}
	if code, text := sent(t, s, boss, "POST", hello+"/enable", map[string]any{"channel": "none"}); code != 404 || !strings.Contains(text, "there is no channel") {
		t.Errorf("a channel that is none: %d %s", code, text)
	}
	given("POST", "/enable", map[string]any{})
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": true}, 200)
	code, text := sent(t, s, boss, "POST", hello+"/pin", map[string]any{"version": "7.0.0"})
	if code != 404 || strings.Contains(text, "1.1.0") {
		t.Errorf("a version of what is private now: %d %s", code, text)
	}
	hidden := given("GET", "", nil)
	again := given("POST", "/enable", map[string]any{})
	for said, p := range map[string]index.TenantPlugin{"asked": hidden, "enabled as it is": again} {
		if p.ID != "acme/hello" || p.Version != "" || p.Digest != "" || p.Status != "orphaned" || len(p.Reasons) != 1 || p.Reasons[0].Code != "not_found" {
			t.Errorf("%s, what is private now is told as %+v", said, p)
		}
	}
	for _, path := range []string{"plugins", "attention"} {
		if code, text := sent(t, s, viewer, "GET", "/api/v1/tenants/north/"+path, nil); code != 200 || !strings.Contains(text, "acme/hello") || strings.Contains(text, "2.0.0") ||
			strings.Contains(text, "sha256:") {
			t.Errorf("%s tells of what is private now: %d %s", path, code, text)
		}
	}
	given("POST", "/disable", nil)
	list := ask[index.TenantPluginList](t, s, viewer, "GET", "/api/v1/tenants/north/plugins", nil, 200)
	if len(list.Items) != 1 || list.Items[0].Enabled || list.Items[0].Channel != "" {
		t.Errorf("the list says %+v", list)
	}
}

// TestATenantIsRefusedInOneOrder_I2: by the first check that does not hold, whatever
// else does not.
func TestATenantIsRefusedInOneOrder_I2(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "^9"}, "tier": "enterprise", "niches": ["maps"]}`)
	publish(t, s, admin, `{"id": "acme/gold", "version": "1.0.0", "engines": {"acme-editor": "*"}, "tier": "gold"}`)
	publish(t, s, admin, `{"id": "acme/other", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	boss, _ := tenantOf(t, s, admin, "north")
	editorOf(t, s, boss, "north", "editor-1", "4.2.0")
	ask[index.Tenant](t, s, admin, "PATCH", "/api/v1/tenants/north", map[string]any{"quota": map[string]any{"hosts": 1, "installs": 1}}, 200)
	ask[index.TenantPlugin](t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/other/enable", map[string]any{}, 200)
	enable := func(plugin string, body any, status int, code string) {
		t.Helper()
		got, text := sent(t, s, boss, "POST", "/api/v1/tenants/north/plugins/"+plugin+"/enable", body)
		if got != status || !strings.Contains(text, `"code":"`+code+`"`) {
			t.Errorf("%s: %d, expected %d %s: %s", plugin, got, status, code, text)
		}
	}
	pin := map[string]any{"version": "7.0.0"}
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/lifecycle", map[string]any{"move": "suspend", "reason": "legal"}, 200)
	enable("acme/gold", map[string]any{}, 409, "tier_unknown")
	enable("acme/none", map[string]any{}, 404, "not_found")
	enable("acme/hello", pin, 403, "tier_too_low")
	ask[index.Tenant](t, s, admin, "PATCH", "/api/v1/tenants/north", map[string]any{"tier": "enterprise"}, 200)
	enable("acme/hello", pin, 409, "niche_mismatch")
	ask[index.Tenant](t, s, admin, "PATCH", "/api/v1/tenants/north", map[string]any{"niches": []string{"maps"}}, 200)
	enable("acme/hello", pin, 404, "version_not_found")
	enable("acme/hello", map[string]any{}, 409, "host_incompatible")
	ask[index.TenantHost](t, s, boss, "PATCH", "/api/v1/tenants/north/hosts/editor-1", map[string]any{"host_version": "9.1"}, 200)
	enable("acme/hello", map[string]any{}, 409, "quota_exceeded")
	_, text := sent(t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", nil)
	if !strings.Contains(text, `"exceeded":{"quota":"installs","limit":1,"used":1,"asked":1}`) {
		t.Errorf("the quota is not named: %s", text)
	}
	if code, text := sent(t, s, boss, "POST", "/api/v1/tenants/north/hosts", map[string]any{"name": "editor-2", "host": "acme-editor", "host_version": "4", "platform": "linux/amd64"}); code != 409 || !strings.Contains(text, "quota_exceeded") {
		t.Errorf("a host too many: %d %s", code, text)
	}
	ask[index.TenantPlugin](t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/other/disable", nil, 200)
	enable("acme/hello", map[string]any{}, 409, "lifecycle_blocked")
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/lifecycle", map[string]any{"move": "resume"}, 200)
	ask[index.TenantPlugin](t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
}

// TestWhatATenantHasGoesOn_I3_E10_E12: what it has already is kept through a suspension
// and a yank, an emergency ends it, and nobody new gets any of it.
func TestWhatATenantHasGoesOn_I3_E10_E12(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publishHello(t, s, admin)
	north, _ := tenantOf(t, s, admin, "north")
	south, _ := tenantOf(t, s, admin, "south")
	editorOf(t, s, north, "north", "editor-1", "4.2.0")
	editorOf(t, s, south, "south", "editor-1", "4.2.0")
	ask[index.TenantPlugin](t, s, north, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
	is := func() index.TenantPlugin {
		t.Helper()
		return ask[index.TenantPlugin](t, s, north, "GET", "/api/v1/tenants/north/plugins/acme/hello", nil, 200)
	}
	move := func(m map[string]any) {
		t.Helper()
		ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/lifecycle", m, 200)
		if err := s.index.ingest.Settled(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	attention := func(status index.InstallStatus, next string) {
		t.Helper()
		l := ask[index.TenantAttentionList](t, s, north, "GET", "/api/v1/tenants/north/attention", nil, 200)
		if status == "" && len(l.Items) > 0 || status != "" && (len(l.Items) != 1 || l.Items[0].Status != status || !strings.Contains(l.Items[0].Next, next)) {
			t.Errorf("needs attention: %+v, expected %s that says %q", l.Items, status, next)
		}
	}
	attention("", "")
	move(map[string]any{"move": "suspend", "reason": "legal", "existing": "keep"})
	attention("suspended", "nothing has to be done")
	if p := is(); p.Version != "1.1.0" || p.Status != "suspended" || p.Standing != "update_blocked" || len(p.Reasons) == 0 {
		t.Errorf("suspended, it is given %+v", p)
	}
	if code, text := sent(t, s, south, "POST", "/api/v1/tenants/south/plugins/acme/hello/enable", nil); code != 409 || !strings.Contains(text, "lifecycle_blocked") {
		t.Errorf("a new one of what is suspended: %d %s", code, text)
	}
	move(map[string]any{"move": "resume"})
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/versions/1.1.0/yank", map[string]any{"reason": "broken"}, 200)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := is(); p.Version != "1.0.0" {
		t.Errorf("its version yanked, it is given %+v", p)
	}
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/versions/1.0.0/yank", map[string]any{"reason": "broken"}, 200)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := is(); p.Version != "1.1.0" || p.Standing != "warn" {
		t.Errorf("all yanked, it keeps what it has: %+v", p)
	}
	attention("installed", "take another version")
	ask[any](t, s, admin, "POST", "/api/v1/admin/blocks", map[string]any{"repository": "acme/hello", "reference": "1.1.0", "reason": "malware"}, 200)
	if err := s.index.ingest.Settled(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := is(); p.Version != "" || p.Status != "force_disabled" || p.Standing != "stop" {
		t.Errorf("blocked, it is given %+v", p)
	}
	attention("force_disabled", "must not run")
}
