package app

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

var requestIDs = regexp.MustCompile(`"request_id":"[^"]*"`)

// Proves B4 and E6: to a stranger a private plugin and one in a namespace that nobody has
// are the same bytes, whatever he asks to be done to them; that he may not is in the audit
// log all the same. Who may know of the plugin is told who could.
func TestAStrangerMovesNoPrivatePluginAndKnowsOfNone_B4_E6(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	owner, stranger := accountOf(t, s, admin, "eve"), accountOf(t, s, admin, "mallory")
	ask[any](t, s, owner, "POST", "/api/v1/namespaces", map[string]any{"name": "acme", "private": true}, http.StatusCreated)
	pushAs(t, s, owner, 1)
	id := plugin(t, 1).Plugin.ID.String()
	version := plugin(t, 1).Plugin.Version.String()
	calls := []struct {
		method, path string
		body         map[string]any
	}{
		{"POST", "/plugins/ID/lifecycle", map[string]any{"move": "remove", "reason": "legal"}},
		{"POST", "/plugins/ID/versions/" + version + "/yank", map[string]any{"reason": "legal"}},
		{"POST", "/plugins/ID/versions/" + version + "/unyank", map[string]any{}},
		{"DELETE", "/plugins/ID?reason=legal", nil},
		{"POST", "/emergencies", map[string]any{"plugin": "ID", "version": version, "reason": "malware"}},
		{"POST", "/emergencies", map[string]any{"plugin": "ID", "version": version, "reason": "malware", "request": true}},
		{"POST", "/plugins/ID/channels/stable", map[string]any{"version": version}},
		{"DELETE", "/plugins/ID/channels/stable", nil},
		{"GET", "/plugins/ID/lifecycle", nil},
	}
	try := func(n int, of string) (int, string) {
		t.Helper()
		c, body := calls[n], any(nil)
		if c.body != nil {
			named := map[string]any{}
			for k, v := range c.body {
				if v == "ID" {
					v = of
				}
				named[k] = v
			}
			body = named
		}
		code, said := sent(t, s, stranger, c.method, "/api/v1"+strings.Replace(c.path, "ID", of, 1), body)
		return code, requestIDs.ReplaceAllString(strings.ReplaceAll(said, of, "ID"), "")
	}
	for n, c := range calls {
		code, said := try(n, id)
		other, otherwise := try(n, "nobody/"+plugin(t, 1).Plugin.ID.Plugin())
		if code != http.StatusNotFound || code != other || said != otherwise {
			t.Errorf("%s %s: a private one is %d %s\none of nobody is %d %s", c.method, c.path, code, said, other, otherwise)
		}
	}
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?outcome=denied&limit=100", nil, http.StatusOK)
	tried := map[string]bool{} // alike ones are one row
	for _, row := range rows.Items {
		if row.Actor == "person:mallory" && strings.Contains(row.Resource, id) {
			tried[row.Action] = true
		}
	}
	for _, action := range []auth.Action{auth.PluginLifecycle, auth.PluginDelete, auth.PluginEmergency, auth.ChannelPromote} {
		if !tried[string(action)] {
			t.Errorf("that he may not %s is not in the audit log: %v", action, tried)
		}
	}
	ask[any](t, s, owner, "PATCH", "/api/v1/namespaces/acme", map[string]any{"private": false}, http.StatusOK)
	for n, c := range calls[:len(calls)-1] {
		if code, said := try(n, id); code != http.StatusForbidden || !strings.Contains(said, "it takes one of the roles") {
			t.Errorf("%s %s of a public one: %d %s", c.method, c.path, code, said)
		}
	}
}
