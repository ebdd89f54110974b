package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// polled is an answer about what a host is to run.
type polled struct {
	status         int
	etag, modified string
	text           string
	state          index.DesiredState
}

// poll asks what a host is to run.
func poll(t *testing.T, s *Server, token, tenant, host, query string, headers ...string) polled {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, s.URL()+"/api/v1/tenants/"+tenant+"/hosts/"+host+"/desired"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	resp, text := answerTo(t, r)
	p := polled{status: resp.StatusCode, etag: resp.Header.Get("ETag"), modified: resp.Header.Get("Last-Modified"), text: text}
	if p.status == http.StatusOK {
		p.state = stateIn(t, []byte(text))
	}
	return p
}

// stateIn reads a desired state, whoever signed it.
func stateIn(t *testing.T, raw []byte) (d index.DesiredState) {
	t.Helper()
	var e struct {
		PayloadType string `json:"payloadType"`
		Payload     []byte `json:"payload"`
	}
	if err := json.Unmarshal(raw, &e); err != nil || e.PayloadType != index.DesiredStateType {
		t.Fatalf("%v in %s", err, raw)
	}
	if err := json.Unmarshal(e.Payload, &d); err != nil {
		t.Fatalf("%v in %s", err, e.Payload)
	}
	return d
}

// hostOfTenant gives a tenant an acme-editor 4.2.0 on linux/amd64, and its secret.
func hostOfTenant(t *testing.T, s *Server, token, tenant, name string) string {
	t.Helper()
	return ask[index.HostSecret](t, s, token, "POST", "/api/v1/tenants/"+tenant+"/hosts",
		map[string]any{"name": name, "host": "acme-editor", "host_version": "4.2.0", "platform": "linux/amd64"}, http.StatusCreated).Secret
}

// TestAHostIsToldWhatToRun_I6: the digests of what its tenant enabled, with their
// dependencies, under an epoch that rises with each change and with nothing else.
func TestAHostIsToldWhatToRun_I6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publish(t, s, admin, `{"id": "acme/base", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "^4"}, "dependencies": [{"id": "acme/base", "range": "^1"}]}`)
	boss, viewer := tenantOf(t, s, admin, "north")
	secret := hostOfTenant(t, s, boss, "north", "editor-1")
	first := poll(t, s, secret, "north", "editor-1", "")
	if first.status != 200 || first.state.Tenant != "north" || first.state.Host != "editor-1" || first.state.Epoch != (index.Epoch{Key: 1, Counter: 1}) || len(first.state.Items) != 0 {
		t.Fatalf("at first it is told %+v", first)
	}
	if again := poll(t, s, secret, "north", "editor-1", "?epoch=1.1", "If-None-Match", first.etag, "If-Modified-Since", first.modified); again.status != 304 || again.etag != first.etag {
		t.Errorf("nothing changed, and it is told %+v", again)
	}
	ask[index.TenantPlugin](t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
	second := poll(t, s, secret, "north", "editor-1", "", "If-None-Match", first.etag)
	if d := second.state; d.Epoch.Counter != 2 || len(d.Items) != 2 || d.Items[0].Plugin != "acme/base" || d.Items[1].Plugin != "acme/hello" ||
		d.Items[1].Action != "run" || d.Items[1].Version != "1.0.0" || d.Items[1].Digest == "" || d.Items[0].RequestedBy[0] != "acme/hello" ||
		!d.ExpiresAt.After(d.IssuedAt) || !d.GraceUntil.After(d.ExpiresAt) || d.CatalogDigest == "" || d.Generation == 0 {
		t.Errorf("enabled, it is told %s", second.text)
	}
	publish(t, s, admin, `{"id": "acme/other", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	if again := poll(t, s, secret, "north", "editor-1", "", "If-None-Match", second.etag, "If-Modified-Since", second.modified); again.status != 304 {
		t.Errorf("something else was published, and it is told %+v", again)
	}
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.1.0", "engines": {"acme-editor": "^4"}}`)
	third := poll(t, s, secret, "north", "editor-1", "", "If-None-Match", second.etag)
	if d := third.state; d.Epoch.Counter != 3 || len(d.Items) != 1 || d.Items[0].Version != "1.1.0" {
		t.Errorf("a newer version came, and it is told %s", third.text)
	}
	ask[any](t, s, admin, "POST", "/api/v1/plugins/acme/hello/versions/1.1.0/yank", map[string]any{"reason": "broken"}, 200)
	if d := poll(t, s, viewer, "north", "editor-1", "").state; len(d.Items) != 2 || d.Items[1].Version != "1.0.0" || d.Items[1].HoldID != "channel-1" {
		t.Errorf("yanked, it goes back by %+v", d.Items)
	}
	ask[index.TenantPlugin](t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/hello/disable", nil, 200)
	if d := poll(t, s, secret, "north", "editor-1", "").state; len(d.Items) != 0 || d.Epoch.Counter <= 3 {
		t.Errorf("disabled, it is told %+v", d)
	}
}

// TestACredentialOfAHostIsForItself_I6_I7: its own desired state, and pulls of what it
// is given; to all else there is nothing, byte for byte.
func TestACredentialOfAHostIsForItself_I6_I7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	publish(t, s, admin, `{"id": "acme/other", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	ask[any](t, s, admin, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": true}, 200)
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": "north"}, 201)
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": "south"}, 201)
	own, second, theirs := hostOfTenant(t, s, admin, "north", "editor-1"), hostOfTenant(t, s, admin, "north", "editor-2"), hostOfTenant(t, s, admin, "south", "editor-1")
	pulls := func(token, plugin string) int {
		t.Helper()
		code, _ := sent(t, s, token, "GET", "/v2/acme/"+plugin+"/manifests/1.0.0", nil)
		return code
	}
	if got := pulls(own, "hello"); got == 200 {
		t.Error("it pulls what nobody enabled")
	}
	ask[index.TenantPlugin](t, s, admin, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
	if hello, other, south := pulls(own, "hello"), pulls(own, "other"), pulls(theirs, "hello"); hello != 200 || other == 200 || south != other {
		t.Errorf("it pulls what is enabled: %d, what is not: %d, and another tenant's host what is enabled here: %d", hello, other, south)
	}
	if code, text := sent(t, s, own, "GET", "/api/v1/plugins/acme/other", nil); code != 404 {
		t.Errorf("of what is not enabled it is told: %d %s", code, text)
	}
	said := func(token, method, path string) string {
		t.Helper()
		code, text := sent(t, s, token, method, "/api/v1/tenants"+path, nil)
		var p map[string]any
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatalf("%s: %v in %s", path, err, text)
		}
		delete(p, "request_id")
		b, err := json.Marshal(p)
		if err != nil || code != 404 {
			t.Errorf("%s %s: %d %s", method, path, code, text)
		}
		return string(b)
	}
	nobodys := said(own, "GET", "/nowhere/hosts/editor-1/desired")
	for _, path := range []string{"/north/hosts/editor-2/desired", "/south/hosts/editor-1/desired", "/north", "/north/hosts", "/north/plugins", "/north/hosts/editor-1"} {
		if got := said(own, "GET", path); got != nobodys {
			t.Errorf("%s: %s, of nobody %s", path, got, nobodys)
		}
	}
	said(own, "POST", "/north/hosts/editor-1/rotate")
	if p := poll(t, s, second, "north", "editor-2", ""); p.status != 200 {
		t.Errorf("the second host: %+v", p)
	}

	next := ask[index.HostSecret](t, s, admin, "POST", "/api/v1/tenants/north/hosts/editor-1/rotate", nil, 200).Secret
	if was, is := poll(t, s, own, "north", "editor-1", "").status, poll(t, s, next, "north", "editor-1", "").status; was != 401 || is != 200 || next == own {
		t.Errorf("rotated, the old credential is answered %d, the new one %d", was, is)
	}
	ask[any](t, s, admin, "DELETE", "/api/v1/tenants/north/hosts/editor-1", nil, 204)
	if p := poll(t, s, next, "north", "editor-1", ""); p.status != 401 {
		t.Errorf("removed, its credential is answered %+v", p)
	}
	hostOfTenant(t, s, admin, "north", "editor-1")
	if d := poll(t, s, admin, "north", "editor-1", "").state; d.Epoch.Counter < 2 {
		t.Errorf("another host of the name begins at epoch %s", d.Epoch)
	}
	if code, text := sent(t, s, admin, "GET", "/api/v1/audit?resource=tenant%20north", nil); code != 200 || strings.Contains(text, next) || strings.Contains(text, own) {
		t.Errorf("the audit log: %d %s", code, text)
	}
}

// TestAHostAheadOfItsServerIsAConflict_I10: nothing is decided for it.
func TestAHostAheadOfItsServerIsAConflict_I10(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": "north"}, 201)
	secret := hostOfTenant(t, s, admin, "north", "editor-1")
	p := poll(t, s, secret, "north", "editor-1", "?epoch=1.7")
	var problem index.Problem
	if err := json.Unmarshal([]byte(p.text), &problem); err != nil || p.status != 409 || problem.Code != "conflict" || problem.States == nil ||
		problem.States.Server.Epoch != "1.1" || problem.States.Host.Epoch != "1.7" || len(problem.Fixes) != 2 {
		t.Errorf("%d %v: %s", p.status, err, p.text)
	}
	if p := poll(t, s, secret, "north", "editor-1", "?epoch=x"); p.status != 400 {
		t.Errorf("an epoch that is none: %d %s", p.status, p.text)
	}
	if p := poll(t, s, secret, "north", "editor-1", "?epoch=1.1", "If-None-Match", `"1.1-0000000000000000"`); p.status != 409 {
		t.Errorf("another state of the same epoch: %d %s", p.status, p.text)
	}
}

// TestAHeldPollHearsOfChanges_I6: by a change of its tenant and by an emergency, which
// has the host stop.
func TestAHeldPollHearsOfChanges_I6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "^4"}}`)
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": "north"}, 201)
	secret := hostOfTenant(t, s, admin, "north", "editor-1")
	last := poll(t, s, secret, "north", "editor-1", "")
	held := func(change func()) polled {
		t.Helper()
		answers := make(chan polled, 1)
		go func() {
			answers <- poll(t, s, secret, "north", "editor-1", "?wait=50", "If-None-Match", last.etag, "If-Modified-Since", last.modified)
		}()
		change()
		last = <-answers
		return last
	}
	if d := held(func() {
		ask[index.TenantPlugin](t, s, admin, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
	}).state; len(d.Items) != 1 || d.Items[0].Action != index.DesiredRun {
		t.Errorf("enabled, the poll is told %+v", last)
	}
	if d := held(func() {
		ask[any](t, s, admin, "POST", "/api/v1/admin/blocks", map[string]any{"repository": "acme/hello", "reference": "1.0.0", "reason": "bad"}, 200)
	}).state; len(d.Items) != 1 || d.Items[0].Action != index.DesiredStop || d.Items[0].Reason == nil {
		t.Errorf("blocked, the poll is told %s", last.text)
	}
	if p := poll(t, s, secret, "north", "editor-1", "?wait=51"); p.status != 400 {
		t.Errorf("a wait that is too long: %d %s", p.status, p.text)
	}
}

// TestWhatRunsIsReported_I9_I14: each change once in the audit log, and shown per host.
func TestWhatRunsIsReported_I9_I14(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publish(t, s, admin, `{"id": "acme/hello", "version": "1.0.0", "engines": {"acme-editor": "*"}}`)
	boss, viewer := tenantOf(t, s, admin, "north")
	secret, other := hostOfTenant(t, s, boss, "north", "editor-1"), hostOfTenant(t, s, boss, "north", "editor-2")
	enabled := ask[index.TenantPlugin](t, s, boss, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
	if enabled.Effective != "" || enabled.EffectiveReason == "" || len(enabled.Hosts) != 0 {
		t.Errorf("enabled, and nothing reported: %+v", enabled)
	}
	last := newest(t, s, admin, 0)
	report := func(status string, digest any) index.HostReported {
		t.Helper()
		item := map[string]any{"plugin": "acme/hello", "version": "1.0.0", "status": status, "code": "start_failed", "message": "no", "trace": strings.Repeat("x", 20<<10)}
		if digest != nil {
			item["digest"] = digest
		}
		return ask[index.HostReported](t, s, secret, "POST", "/api/v1/tenants/north/hosts/editor-1/report",
			map[string]any{"epoch": index.Epoch{Key: 1, Counter: 1}, "items": []any{item}, "buckets": []any{map[string]any{"calls": 3}}}, 200)
	}
	if first, again := report("ok", enabled.Digest), report("ok", enabled.Digest); first.Changed != 1 || again.Changed != 0 {
		t.Errorf("reported %+v, and again %+v", first, again)
	}
	rows := newest(t, s, admin, last[0].Seq)
	if len(rows) != 1 || rows[0].Action != "host:report" || rows[0].Actor != "host:north/editor-1" || rows[0].Resource != "tenant north" ||
		!strings.Contains(string(rows[0].After), enabled.Digest) || !strings.Contains(string(rows[0].After), "editor-1") {
		t.Errorf("written down as %+v", rows)
	}
	if p := ask[index.TenantPlugin](t, s, viewer, "GET", "/api/v1/tenants/north/plugins/acme/hello", nil, 200); p.Effective != "1.0.0" || len(p.Hosts) != 1 || p.Hosts[0].Host != "editor-1" {
		t.Errorf("shown as %+v", p)
	}
	report("error", nil)
	list := ask[index.TenantPluginList](t, s, viewer, "GET", "/api/v1/tenants/north/plugins", nil, 200)
	if p := list.Items[0]; p.Effective != "" || p.EffectiveReason != "editor-1: start_failed: no" {
		t.Errorf("failed, it is shown as %+v", p)
	}
	h := ask[index.TenantHost](t, s, viewer, "GET", "/api/v1/tenants/north/hosts/editor-1", nil, 200)
	if h.LastReport == nil || h.LastReport.Epoch != "1.1" || len(h.LastReport.Items) != 1 || len(h.LastReport.Items[0].Trace) != 16<<10 {
		t.Errorf("the host is shown as %+v", h)
	}
	body := map[string]any{"epoch": index.Epoch{}, "items": []any{}}
	if code, text := sent(t, s, other, "POST", "/api/v1/tenants/north/hosts/editor-1/report", body); code != 404 {
		t.Errorf("another host reports for it: %d %s", code, text)
	}
	if code, text := sent(t, s, viewer, "POST", "/api/v1/tenants/north/hosts/editor-1/report", body); code != 403 {
		t.Errorf("who may look reports for it: %d %s", code, text)
	}
	body["items"] = []any{map[string]any{"plugin": "acme/hello", "digest": "x", "status": "ok"}}
	if code, text := sent(t, s, secret, "POST", "/api/v1/tenants/north/hosts/editor-1/report", body); code != 400 || !strings.Contains(text, "items[0].digest") {
		t.Errorf("a digest that is none: %d %s", code, text)
	}
}

// TestWhoseStateCountsIsDecided_I10: the epoch rises above that of the host, and the
// tenant is pinned to what the host runs where that is wanted.
func TestWhoseStateCountsIsDecided_I10(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, withTiers(t))
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, 201)
	publishHello(t, s, admin)
	ask[index.Tenant](t, s, admin, "POST", "/api/v1/tenants", map[string]any{"id": "north"}, 201)
	secret := hostOfTenant(t, s, admin, "north", "editor-1")
	ask[index.TenantPlugin](t, s, admin, "POST", "/api/v1/tenants/north/plugins/acme/hello/enable", map[string]any{}, 200)
	old := ask[index.Version](t, s, admin, "GET", "/api/v1/plugins/acme/hello/versions/1.0.0", nil, 200)
	ask[index.HostReported](t, s, secret, "POST", "/api/v1/tenants/north/hosts/editor-1/report", map[string]any{"epoch": index.Epoch{Key: 1, Counter: 7},
		"items": []any{map[string]any{"plugin": "acme/hello", "version": "1.0.0", "digest": old.Digest, "status": "ok"}}}, 200)
	e := ask[index.EpochResolved](t, s, admin, "POST", "/api/v1/tenants/north/hosts/editor-1/resolve", map[string]any{"take": "host", "epoch": "1.7"}, 200)
	if e.Epoch != "1.8" || len(e.Pinned) != 1 || e.Pinned[0] != "acme/hello@1.0.0" {
		t.Errorf("resolved as %+v", e)
	}
	if p := poll(t, s, secret, "north", "editor-1", "?epoch=1.7"); p.status != 200 || p.state.Epoch.Counter < 8 || p.state.Items[0].Version != "1.0.0" {
		t.Errorf("then it is told %+v", p)
	}
	again := ask[index.EpochResolved](t, s, admin, "POST", "/api/v1/tenants/north/hosts/editor-1/resolve", map[string]any{"take": "server", "epoch": "1.7"}, 200)
	if epoch, err := index.ParseEpoch(again.Epoch); err != nil || epoch.Counter < 8 {
		t.Errorf("resolved again as %+v", again)
	}
}
