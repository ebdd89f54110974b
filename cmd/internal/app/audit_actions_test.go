package app

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index"
)

// changesNothing are the operations that are no GET and leave everything as it is.
var changesNothing = []string{"checkPush", "resolve"}

// An auditedCall is one call of an operation of the API, and what the audit log says of it.
type auditedCall struct {
	operation, method, path string
	body                    any
	status                  int
	action, on, says        string
	again                   repeat
}

// A repeat is what the same call does when it is made once more.
type repeat int

const (
	still   repeat = iota // and so it writes nothing, whatever it answers
	refused               // it may not be made any more: one row, denied
	another               // it is another act: the test does not make it
	undone                // even the first leaves all as it is: its preconditions are another test's
)

// mayNot is whose call is refused where somebody without any role may make it.
var mayNot = map[string]string{
	"claim-namespace": "robot", "accept-invitation": "robot", "create-webhook": "robot", "rotate-webhook": "robot", "test-webhook": "robot",
	"replay-webhook": "robot", "remove-webhook": "robot", "create-subscription": "robot", "remove-subscription": "robot",
	"replay-subscription": "robot",
}

// TestEachChangeIsWrittenDownAsWhatItIs_B7: for every operation of the served
// description that changes something, whose call by who may not leaves one row,
// denied; whose call by who may leaves one row that says the act, not its opposite
// or the right that it took, and to what it was done, and one more only where it
// did not end as it began; and whose repeat leaves none where it changes nothing.
func TestEachChangeIsWrittenDownAsWhatItIs_B7(t *testing.T) {
	t.Parallel()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(h.Close)
	listed := unsignedListed(t)
	s, admin := startGuarded(t, func(c *config.Config) { listed(c); c.Outbound.Networks = []string{"127.0.0.0/8"} })
	l := auditedServer{t, s, admin, map[string]string{"stranger": accountOf(t, s, admin, "stranger")}}
	eve := accountOf(t, s, admin, "eve")
	eva := accountOf(t, s, admin, "eva", "admin")
	accountOf(t, s, admin, "mallory")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	l.others["robot"] = ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{
		"label": "ci", "kind": "robot", "namespace": "acme", "expires_at": soon(), "scopes": []string{"repository:acme/*:pull"}}, http.StatusCreated).Secret
	pushAs(t, s, admin, 1)
	page := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items
	if len(page) != 1 {
		t.Fatalf("listed: %+v", page)
	}
	id, version, content := page[0].ID, page[0].Version, page[0].Digest.String()
	pushAs(t, s, admin, 2) // what is deleted: an emergency that is proposed keeps the other one
	plugin, at := "/plugins/"+id, "/plugins/"+id+"/versions/"+version
	key := index.NewPublisherKey{Name: "release", PEM: publicPEM(t)}
	token := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{"label": "old", "kind": "admin", "expires_at": soon()}, http.StatusCreated)
	invited := ask[index.Invitation](t, s, admin, "POST", "/api/v1/namespaces/acme/invitations", map[string]any{"role": "reader"}, http.StatusCreated)
	hook := ask[index.CreatedWebhook](t, s, admin, "POST", "/api/v1/webhooks", map[string]any{"url": h.URL, "events": []string{"*"}}, http.StatusCreated)
	sub := ask[index.Subscription](t, s, admin, "POST", "/api/v1/subscriptions", map[string]any{"receiver": hook.ID, "publisher": "acme"}, http.StatusCreated)
	did := map[string]bool{}
	for _, row := range []auditedCall{
		{"add-account", "POST", "/accounts", map[string]any{"name": "bob"}, 201, "account:create", "person:bob", `"name":"person:bob"`, still},
		{"change-account", "PATCH", "/accounts/person:bob", map[string]any{"roles": []string{"operator"}}, 204, "account:roles", "person:bob", "operator", still},
		{"change-account", "PATCH", "/accounts/person:bob", map[string]any{"disabled": true}, 204, "account:disable", "person:bob", `"disabled":true`, still},
		{"change-account", "PATCH", "/accounts/person:bob", map[string]any{"disabled": false}, 204, "account:enable", "person:bob", `"disabled":false`, still},
		{"account-token", "POST", "/accounts/person:eve/tokens", map[string]any{"label": "hers", "expires_at": time.Now().Add(time.Hour)}, 201, "token:create", "token ", "person:eve", another},
		{"create-token", "POST", "/tokens", map[string]any{"label": "mine", "kind": "admin", "expires_at": soon()}, 201, "token:create", "token ", `"name":"mine"`, another},
		{"revoke-token", "DELETE", "/tokens/" + token.ID, nil, 204, "token:revoke", "token " + token.ID, `"name":"old"`, still},
		{"block", "POST", "/admin/blocks", map[string]any{"repository": id, "reference": version, "reason": "bad"}, 200, "plugin:emergency", "repository " + id, content, still},
		{"unblock", "DELETE", "/admin/blocks?repository=" + id + "&reference=" + version, nil, 204, "emergency:undo", "repository " + id, content, still},
		{"rotateCatalogRoot", "POST", "/admin/catalog/root", map[string]any{"keep_root_key": true}, 200, "catalog:rotate-root", "site", "rotation", another},
		{"gc", "POST", "/admin/gc", nil, 200, "registry:gc", "site", "", another},
		{"testPolicy", "POST", "/admin/policy/test", map[string]any{"policy": "namespaces: {acme: {signature: optional}}"}, 200, "policy:test", "site", "sha256:", another},
		{"rebuild", "POST", "/admin/rebuild", nil, 200, "catalog:rebuild", "site", `"check":false`, another},
		{"repair", "POST", "/admin/repair", nil, 200, "registry:fsck", "site", `"repair":true`, another},
		{"scrub", "POST", "/admin/scrub", nil, 200, "registry:scrub", "site", "", another},
		{"claim-namespace", "POST", "/namespaces", map[string]any{"name": "globex"}, 201, "namespace:claim", "namespace globex", "", refused},
		{"configure-namespace", "PATCH", "/namespaces/acme", map[string]any{"private": true}, 200, "namespace:manage", "namespace acme", `"public":false`, still},
		{"configure-namespace", "PATCH", "/namespaces/acme", map[string]any{"private": false}, 200, "namespace:manage", "namespace acme", `"public":true`, still},
		{"invite-member", "POST", "/namespaces/acme/invitations", map[string]any{"role": "reader"}, 201, "token:create", "token ", `"acme"`, another},
		{"accept-invitation", "POST", "/invitations/accept", map[string]any{"secret": invited.Secret}, 200, "members:manage", "namespace acme", "person:eve", refused},
		{"set-member", "PUT", "/namespaces/acme/members/person:eve", map[string]any{"role": "maintainer"}, 204, "members:manage", "namespace acme", `"role":"maintainer"`, still},
		{"remove-member", "DELETE", "/namespaces/acme/members/person:eve", nil, 204, "members:manage", "namespace acme", "person:eve", still},
		{"promote", "POST", plugin + "/channels/beta", map[string]any{"version": version}, 200, "channel:promote", "repository " + id, `"channel":"beta"`, still},
		{"remove-channel", "DELETE", plugin + "/channels/beta", nil, 200, "channel:remove", "repository " + id, `"channel":"beta"`, still},
		{"create-tenant", "POST", "/tenants", map[string]any{"id": "north"}, 201, "tenants:manage", "tenant north", `"environment":"production"`, still},
		{"add-tenant-host", "POST", "/tenants/north/hosts", map[string]any{"name": "editor-1", "host": "acme-editor", "host_version": "4", "platform": "linux/amd64"}, 201, "tenant:manage", "tenant north", "editor-1", still},
		{"set-tenant-host", "PATCH", "/tenants/north/hosts/editor-1", map[string]any{"platform": "linux/arm64"}, 200, "tenant:manage", "tenant north", "linux/arm64", still},
		{"resolve-tenant-host", "POST", "/tenants/north/hosts/editor-1/resolve", map[string]any{"take": "server", "epoch": "1.7"}, 200,
			"tenant:manage", "tenant north", `"takes":"server"`, still},
		{"report-host", "POST", "/tenants/north/hosts/editor-1/report", map[string]any{"epoch": map[string]any{"key": 1, "counter": 8},
			"items": []any{map[string]any{"plugin": id, "digest": content, "status": "ok"}}}, 200, "host:report", "tenant north", content, still},
		{"rotate-tenant-host", "POST", "/tenants/north/hosts/editor-1/rotate", nil, 200, "tenant:manage", "tenant north", "rotated_credential", another},
		{"remove-tenant-host", "DELETE", "/tenants/north/hosts/editor-1", nil, 204, "tenant:manage", "tenant north", "removed_host", still},
		{"enable-plugin", "POST", "/tenants/north/plugins/" + id + "/enable", map[string]any{}, 200, "tenant:manage", "tenant north", `"enabled":true`, still},
		{"pin-plugin", "POST", "/tenants/north/plugins/" + id + "/pin", map[string]any{"version": version}, 200, "tenant:manage", "tenant north", `"pin":"` + version, still},
		{"unpin-plugin", "DELETE", "/tenants/north/plugins/" + id + "/pin", nil, 200, "tenant:manage", "tenant north", `"pin":""`, still},
		{"hold-plugin", "POST", "/tenants/north/plugins/" + id + "/hold", map[string]any{"until": soon()}, 200, "tenant:manage", "tenant north", `"until":`, still},
		{"unhold-plugin", "DELETE", "/tenants/north/plugins/" + id + "/hold", nil, 200, "tenant:manage", "tenant north", `"enabled":true`, still},
		{"hold-tenant", "POST", "/tenants/north/hold", map[string]any{"until": soon()}, 200, "tenant:manage", "tenant north", `"plugins":["` + id, still},
		{"unhold-tenant", "DELETE", "/tenants/north/hold", nil, 200, "tenant:manage", "tenant north", `"plugins":["` + id, still},
		{"configure-plugin", "PUT", "/tenants/north/plugins/" + id + "/config", map[string]any{"a": 1}, 200, "tenant:manage", "tenant north", `"config":`, still},
		{"restore-plugin-config", "POST", "/tenants/north/plugins/" + id + "/config/revisions/1/restore", nil, 200, "", "", "", undone}, // it counts already
		{"disable-plugin", "POST", "/tenants/north/plugins/" + id + "/disable", nil, 200, "tenant:manage", "tenant north", `"enabled":false`, still},
		{"yank", "POST", at + "/yank", map[string]any{"reason": "broken"}, 200, "plugin:lifecycle", "repository " + id, content, still},
		{"unyank", "POST", at + "/unyank", map[string]any{"reason": "broken"}, 200, "plugin:lifecycle", "repository " + id, `"move":"unyank"`, still},
		{"move", "POST", plugin + "/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded"}, 200, "plugin:lifecycle", "repository " + id, `"move":"deprecate"`, still},
		{"propose-emergency", "POST", "/emergencies", map[string]any{"plugin": id, "version": version, "reason": "malware"}, 201, "plugin:emergency", "repository " + id, `"state":"proposed"`, still},
		{"confirm-emergency", "POST", "", nil, 200, "emergency:confirm", "repository " + id, `"words":["person:eva"]`, refused},
		{"undo-emergency", "POST", "", map[string]any{}, 200, "emergency:undo", "repository " + id, `"undo":["person:eva"]`, refused},
		{"add-publisher-key", "POST", "/publishers/acme/keys", key, 200, "keys:manage", "namespace acme", `"kind":"key.added"`, still},
		{"verify-publisher", "POST", "/publishers/acme/verification", index.VerifyRequest{Evidence: "administrator", Note: "known"}, 200, "publisher:verify", "namespace acme", "administrator", another},
		{"unverify-publisher", "DELETE", "/publishers/acme/verification?reason=gone", nil, 200, "publisher:unverify", "namespace acme", "gone", still},
		{"set-tenant", "PATCH", "/tenants/north", map[string]any{"niches": []string{"web"}}, 200, "tenants:manage", "tenant north", `["web"]`, still},
		{"set-tenant", "PATCH", "/tenants/north", map[string]any{"canary": true}, 200, "tenant:manage", "tenant north", `"canary":true`, still},
		{"set-tenant-member", "PUT", "/tenants/north/members/person:eve", map[string]any{"role": "tenant-admin"}, 204, "tenant:manage", "tenant north", "person:eve", still},
		{"remove-tenant-member", "DELETE", "/tenants/north/members/person:eve", nil, 204, "tenant:manage", "tenant north", "removed_member", still},
		{"create-webhook", "POST", "/webhooks", map[string]any{"url": h.URL, "events": []string{"plugin.*"}}, 201, "notifications:personal", "site", "webhook_added", another},
		{"test-webhook", "POST", "/webhooks/" + hook.ID + "/test", nil, 200, "notifications:personal", "site", "webhook_tested", another},
		{"replay-webhook", "POST", "/webhooks/" + hook.ID + "/replay", map[string]any{}, 200, "", "", "", undone}, // nothing was lost
		{"rotate-webhook", "POST", "/webhooks/" + hook.ID + "/rotate", nil, 200, "notifications:personal", "site", "webhook_rotated", another},
		{"create-subscription", "POST", "/subscriptions", map[string]any{"receiver": hook.ID, "plugin": id}, 201, "notifications:personal", "site", "subscription_added", another},
		{"replay-subscription", "POST", "/subscriptions/" + sub.ID + "/replay", map[string]any{}, 200, "", "", "", undone}, // nothing was lost
		{"remove-subscription", "DELETE", "/subscriptions/" + sub.ID, nil, 204, "notifications:personal", "site", "subscription_removed", still},
		{"remove-webhook", "DELETE", "/webhooks/" + hook.ID, nil, 204, "notifications:personal", "site", "webhook_removed", still},
		{"recover-log", "POST", "/log/recover", map[string]any{}, 200, "", "", "", undone}, // TestNothingIsPublishedBehindTheLog_G6 does it
		{"transfer-namespace", "POST", "/namespaces/globex/transfer", map[string]any{"to": "person:mallory"}, 204, "namespace:transfer", "namespace globex", "person:mallory", still},
		{"close-namespace", "POST", "/namespaces/globex/close", nil, 200, "namespace:close", "namespace globex", "closed_at", still},
		{"delete-plugin", "DELETE", "/plugins/acme/p2?reason=legal", nil, 200, "plugin:delete", "repository acme/p2", `"move":"delete"`, still},
		{"revoke-publisher-key", "POST", "", index.KeyRevocation{Reason: "lost"}, 200, "keys:manage", "namespace acme", `"kind":"key.revoked"`, still},
	} {
		did[row.operation] = true
		as := admin
		switch row.operation {
		case "accept-invitation":
			as = eve
		case "confirm-emergency", "undo-emergency":
			step, _, _ := strings.Cut(row.operation, "-")
			as, row.path = eva, "/emergencies/"+ask[index.EmergencyList](t, s, admin, "GET", "/api/v1/emergencies", nil, http.StatusOK).Items[0].ID+"/"+step
		case "delete-plugin":
			// What an emergency holds that is proposed is not deleted.
			held := ask[index.EmergencyList](t, s, admin, "GET", "/api/v1/emergencies", nil, http.StatusOK).Items[0].ID
			ask[any](t, s, accountOf(t, s, admin, "evan", "admin"), "POST", "/api/v1/emergencies/"+held+"/undo", map[string]any{}, http.StatusOK)
			ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:eve", map[string]any{"role": "owner"}, http.StatusNoContent)
			as = eve
		case "revoke-publisher-key":
			row.path = "/publishers/acme/keys/" + ask[index.Publisher](t, s, admin, "GET", "/api/v1/publishers/acme", nil, http.StatusOK).Keys[0].ID + "/revoke"
		}
		l.refuses(row)
		l.does(as, row)
	}
	for _, operation := range []string{"resend-confirmation", "confirm-address"} { // TestPeopleAreToldByMail_E8_K1 and TestATokenEnds_E8 look: they take a mail server
		did[operation] = true
	}
	for _, operation := range writes(t, s) {
		if !did[operation] && !slices.Contains(changesNothing, operation) {
			t.Errorf("%s: nobody looks at what it writes down: give it a row in the table above", operation)
		}
	}
}

// An auditedServer is asked, and its audit log read.
type auditedServer struct {
	t      *testing.T
	s      *Server
	admin  string
	others map[string]string // tokens of who may not
}

// wrote are the rows that a call leaves, the oldest first, with what the refusals
// in it are summed up to.
func (l auditedServer) wrote(as string, c auditedCall) (status int, text string, rows []index.AuditRow) {
	l.t.Helper()
	last := newest(l.t, l.s, l.admin, 0)
	status, text = sent(l.t, l.s, as, c.method, "/api/v1"+c.path, c.body)
	l.s.accounts.trail.SettleRefusals(l.t.Context(), true)
	rows = newest(l.t, l.s, l.admin, last[0].Seq)
	slices.Reverse(rows)
	return status, text, rows
}

// refuses has the call made by who may not: it leaves one row, denied, and changes nothing.
func (l auditedServer) refuses(c auditedCall) {
	l.t.Helper()
	who := cmp.Or(mayNot[c.operation], "stranger")
	status, text, rows := l.wrote(l.others[who], c)
	if status != http.StatusForbidden && status != http.StatusNotFound {
		l.t.Errorf("%s by a %s: %d, expected 403 or 404: %s", c.operation, who, status, text)
	}
	if len(rows) != 1 || rows[0].Outcome != "denied" || rows[0].Reason == "" || !strings.Contains(rows[0].Actor, who) && who != "robot" || rows[0].Request == "" {
		l.t.Errorf("%s by a %s: %d %s: expected one row, denied: %s", c.operation, who, status, text, rowsText(rows))
	}
}

// does has the call made by who may, and once more.
func (l auditedServer) does(as string, c auditedCall) {
	l.t.Helper()
	status, text, rows := l.wrote(as, c)
	if status != c.status {
		l.t.Errorf("%s: %d, expected %d: %s", c.operation, status, c.status, text)
		return
	}
	if c.again == undone {
		if len(rows) != 0 {
			l.t.Errorf("%s changes nothing and is written down: %s", c.operation, rowsText(rows))
		}
		return
	}
	if len(rows) == 0 || len(rows) > 2 || len(rows) == 2 && bytes.Equal(rows[0].After, rows[1].After) {
		l.t.Errorf("%s: expected one row, and one more where it did not end as it began: %s", c.operation, rowsText(rows))
	}
	said := ""
	for _, r := range rows {
		said += string(r.Before) + string(r.After)
		if r.Action != c.action || !strings.HasPrefix(r.Resource, c.on) || r.Outcome != "allowed" || r.Request != rows[0].Request || r.Actor != rows[0].Actor {
			l.t.Errorf("%s: written down as %s of %s on %q, expected %s of %s", c.operation, r.Outcome, r.Action, r.Resource, c.action, c.on)
		}
	}
	if !strings.Contains(said, c.says) {
		l.t.Errorf("%s: the rows do not say %s: %s", c.operation, c.says, said)
	}
	if c.again == another {
		return
	}
	status, text, rows = l.wrote(as, c)
	switch {
	case c.again == still && len(rows) != 0:
		l.t.Errorf("%s again: %d %s: it changes nothing and is written down: %s", c.operation, status, text, rowsText(rows))
	case c.again == refused && (len(rows) != 1 || rows[0].Outcome != "denied"):
		l.t.Errorf("%s again: %d %s: expected one row, denied: %s", c.operation, status, text, rowsText(rows))
	case status >= http.StatusInternalServerError:
		l.t.Errorf("%s again: %d %s", c.operation, status, text)
	}
}

// rowsText shows rows in a message.
func rowsText(rows []index.AuditRow) string {
	out := fmt.Sprintf("%d rows", len(rows))
	for _, r := range rows {
		out += fmt.Sprintf("; %s of %s on %s by %s: %s %s", r.Outcome, r.Action, r.Resource, r.Actor, r.Reason, r.After)
	}
	return out
}

// newest are the rows after seq, the newest first; the very last row where seq is 0.
func newest(t *testing.T, s *Server, admin string, seq int64) []index.AuditRow {
	t.Helper()
	rows := ask[index.AuditPage](t, s, admin, "GET", "/api/v1/audit?limit=20", nil, http.StatusOK).Items
	if seq == 0 {
		return rows[:1]
	}
	return slices.DeleteFunc(rows, func(r index.AuditRow) bool { return r.Seq <= seq })
}

// writes are the operations of the API that are no GET.
func writes(t *testing.T, s *Server) (out []string) {
	t.Helper()
	api := ask[struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		} `json:"paths"`
	}](t, s, "", "GET", "/api/openapi.json", nil, http.StatusOK)
	for _, methods := range api.Paths {
		for method, o := range methods {
			if method != "get" && method != "head" && o.OperationID != "" {
				out = append(out, o.OperationID)
			}
		}
	}
	if len(out) < 25 {
		t.Fatalf("only %q change something: the test looks in the wrong place", out)
	}
	return out
}

// sent calls the API and gives what it answers, whatever that is.
func sent(t *testing.T, s *Server, token, method, path string, body any) (int, string) {
	t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	if body == nil {
		content = nil
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	resp, text := answerTo(t, r)
	return resp.StatusCode, text
}
