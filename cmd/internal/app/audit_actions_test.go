package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oarlock/oarlock/index"
)

// changesNothing are the operations that are no GET and leave everything as it is.
var changesNothing = []string{"checkPush", "resolve"}

// TestEachChangeIsWrittenDownAsWhatItIs_B7: for every route that changes something
// the row of the audit log says the act, not its opposite or the right that it
// took, and to what it was done.
func TestEachChangeIsWrittenDownAsWhatItIs_B7(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	eve := accountOf(t, s, admin, "eve")
	eva := accountOf(t, s, admin, "eva", "admin")
	accountOf(t, s, admin, "mallory")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	pushAs(t, s, admin, 1)
	listed := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items
	if len(listed) != 1 {
		t.Fatalf("listed: %+v", listed)
	}
	id, version := listed[0].ID, listed[0].Version
	plugin, at := "/plugins/"+id, "/plugins/"+id+"/versions/"+version
	key := index.NewPublisherKey{Name: "release", PEM: publicPEM(t)}
	token := ask[index.CreatedToken](t, s, admin, "POST", "/api/v1/tokens", map[string]any{"label": "old", "kind": "admin", "expires_at": soon()}, http.StatusCreated)
	invited := ask[index.Invitation](t, s, admin, "POST", "/api/v1/namespaces/acme/invitations", map[string]any{"role": "reader"}, http.StatusCreated)
	did := map[string]bool{}
	for _, row := range []struct {
		operation, method, path string
		body                    any
		status                  int
		action, on, says        string
	}{
		{"add-account", "POST", "/accounts", map[string]any{"name": "bob"}, 201, "account:create", "person:bob", `"name":"person:bob"`},
		{"change-account", "PATCH", "/accounts/person:bob", map[string]any{"roles": []string{"operator"}}, 204, "account:roles", "person:bob", "operator"},
		{"change-account", "PATCH", "/accounts/person:bob", map[string]any{"disabled": true}, 204, "account:disable", "person:bob", `"disabled":true`},
		{"change-account", "PATCH", "/accounts/person:bob", map[string]any{"disabled": false}, 204, "account:enable", "person:bob", `"disabled":false`},
		{"account-token", "POST", "/accounts/person:eve/tokens", map[string]any{"label": "hers", "expires_at": time.Now().Add(time.Hour)}, 201, "token:create", "token ", "person:eve"},
		{"create-token", "POST", "/tokens", map[string]any{"label": "mine", "kind": "admin", "expires_at": soon()}, 201, "token:create", "token ", `"name":"mine"`},
		{"revoke-token", "DELETE", "/tokens/" + token.ID, nil, 204, "token:revoke", "token " + token.ID, `"name":"old"`},
		{"block", "POST", "/admin/blocks", map[string]any{"repository": id, "reference": version, "reason": "bad"}, 200, "plugin:emergency", "repository " + id, listed[0].Digest.String()},
		{"unblock", "DELETE", "/admin/blocks?repository=" + id + "&reference=" + version, nil, 204, "block:lift", "repository " + id, listed[0].Digest.String()},
		{"rotateCatalogRoot", "POST", "/admin/catalog/root", map[string]any{"keep_root_key": true}, 200, "catalog:rotate-root", "site", "rotation"},
		{"gc", "POST", "/admin/gc", nil, 200, "registry:gc", "site", ""},
		{"testPolicy", "POST", "/admin/policy/test", map[string]any{"policy": "namespaces: {acme: {signature: optional}}"}, 200, "policy:test", "site", "sha256:"},
		{"rebuild", "POST", "/admin/rebuild", nil, 200, "catalog:rebuild", "site", `"check":false`},
		{"repair", "POST", "/admin/repair", nil, 200, "registry:fsck", "site", `"repair":true`},
		{"scrub", "POST", "/admin/scrub", nil, 200, "registry:scrub", "site", ""},
		{"claim-namespace", "POST", "/namespaces", map[string]any{"name": "globex"}, 201, "namespace:claim", "namespace globex", ""},
		{"configure-namespace", "PATCH", "/namespaces/acme", map[string]any{"private": true}, 200, "namespace:manage", "namespace acme", `"public":false`},
		{"configure-namespace", "PATCH", "/namespaces/acme", map[string]any{"private": false}, 200, "namespace:manage", "namespace acme", `"public":true`},
		{"invite-member", "POST", "/namespaces/acme/invitations", map[string]any{"role": "reader"}, 201, "token:create", "token ", `"acme"`},
		{"accept-invitation", "POST", "/invitations/accept", map[string]any{"secret": invited.Secret}, 200, "members:manage", "namespace acme", "person:eve"},
		{"set-member", "PUT", "/namespaces/acme/members/person:eve", map[string]any{"role": "maintainer"}, 204, "members:manage", "namespace acme", `"role":"maintainer"`},
		{"remove-member", "DELETE", "/namespaces/acme/members/person:eve", nil, 204, "members:manage", "namespace acme", "person:eve"},
		{"promote", "POST", plugin + "/channels/beta", map[string]any{"version": version}, 200, "channel:promote", "repository " + id, `"channel":"beta"`},
		{"remove-channel", "DELETE", plugin + "/channels/beta", nil, 200, "channel:remove", "repository " + id, `"channel":"beta"`},
		{"yank", "POST", at + "/yank", map[string]any{"reason": "broken"}, 200, "plugin:lifecycle", "repository " + id, listed[0].Digest.String()},
		{"unyank", "POST", at + "/unyank", map[string]any{"reason": "broken"}, 200, "plugin:lifecycle", "repository " + id, `"move":"unyank"`},
		{"move", "POST", plugin + "/lifecycle", map[string]any{"move": "deprecate", "reason": "superseded"}, 200, "plugin:lifecycle", "repository " + id, `"move":"deprecate"`},
		{"propose-emergency", "POST", "/emergencies", map[string]any{"plugin": id, "version": version, "reason": "malware"}, 201, "plugin:emergency", "repository " + id, `"state":"proposed"`},
		{"confirm-emergency", "POST", "", nil, 200, "emergency:confirm", "repository " + id, `"words":["person:eva"]`},
		{"undo-emergency", "POST", "", map[string]any{}, 200, "emergency:undo", "repository " + id, `"undo":["person:eva"]`},
		{"add-publisher-key", "POST", "/publishers/acme/keys", key, 200, "keys:manage", "namespace acme", `"kind":"key.added"`},
		{"verify-publisher", "POST", "/publishers/acme/verification", index.VerifyRequest{Evidence: "administrator", Note: "known"}, 200, "publisher:verify", "namespace acme", "administrator"},
		{"unverify-publisher", "DELETE", "/publishers/acme/verification?reason=gone", nil, 200, "publisher:unverify", "namespace acme", "gone"},
		{"create-tenant", "POST", "/tenants", map[string]any{"id": "north"}, 201, "tenants:manage", "tenant north", `"environment":"production"`},
		{"set-tenant", "PATCH", "/tenants/north", map[string]any{"niches": []string{"web"}}, 200, "tenants:manage", "tenant north", `["web"]`},
		{"set-tenant", "PATCH", "/tenants/north", map[string]any{"canary": true}, 200, "tenant:manage", "tenant north", `"canary":true`},
		{"set-tenant-member", "PUT", "/tenants/north/members/person:eve", map[string]any{"role": "tenant-admin"}, 204, "tenant:manage", "tenant north", "person:eve"},
		{"remove-tenant-member", "DELETE", "/tenants/north/members/person:eve", nil, 204, "tenant:manage", "tenant north", "removed_member"},
		{"transfer-namespace", "POST", "/namespaces/globex/transfer", map[string]any{"to": "person:mallory"}, 204, "namespace:transfer", "namespace globex", "person:mallory"},
		{"close-namespace", "POST", "/namespaces/globex/close", nil, 200, "namespace:close", "namespace globex", "closed_at"},
		{"delete-plugin", "DELETE", plugin + "?reason=legal", nil, 200, "plugin:delete", "repository " + id, `"move":"delete"`},
		{"revoke-publisher-key", "POST", "", index.KeyRevocation{Reason: "lost"}, 200, "keys:manage", "namespace acme", `"kind":"key.revoked"`},
	} {
		did[row.operation] = true
		as, path := admin, row.path
		switch row.operation {
		case "accept-invitation":
			as = eve
		case "confirm-emergency", "undo-emergency":
			step, _, _ := strings.Cut(row.operation, "-")
			as, path = eva, "/emergencies/"+ask[index.EmergencyList](t, s, admin, "GET", "/api/v1/emergencies", nil, http.StatusOK).Items[0].ID+"/"+step
		case "delete-plugin":
			ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:eve", map[string]any{"role": "owner"}, http.StatusNoContent)
			as = eve
		case "revoke-publisher-key":
			path = "/publishers/acme/keys/" + ask[index.Publisher](t, s, admin, "GET", "/api/v1/publishers/acme", nil, http.StatusOK).Keys[0].ID + "/revoke"
		}
		last := newest(t, s, admin, 0)
		if code, text := sent(t, s, as, row.method, "/api/v1"+path, row.body); code != row.status {
			t.Errorf("%s: %d, expected %d: %s", row.operation, code, row.status, text)
			continue
		}
		rows := newest(t, s, admin, last[0].Seq)
		if len(rows) == 0 {
			t.Errorf("%s is not written down", row.operation)
		}
		said := ""
		for _, r := range rows {
			said += string(r.Before) + string(r.After)
			if r.Action != row.action || !strings.HasPrefix(r.Resource, row.on) || r.Outcome != "allowed" {
				t.Errorf("%s: written down as %s of %s on %q, expected %s of %s", row.operation, r.Outcome, r.Action, r.Resource, row.action, row.on)
			}
		}
		if !strings.Contains(said, row.says) {
			t.Errorf("%s: the rows do not say %s: %s", row.operation, row.says, said)
		}
	}
	for _, operation := range []string{ // TestEachChangeOfWebhooksIsWrittenDown_K1 looks: they take an endpoint
		"create-webhook", "rotate-webhook", "test-webhook", "replay-webhook", "remove-webhook", "create-subscription", "remove-subscription",
	} {
		did[operation] = true
	}
	did["recover-log"] = true // TestNothingIsPublishedBehindTheLog_G6 looks: it takes a log that is behind
	for _, operation := range writes(t, s) {
		if !did[operation] && !slices.Contains(changesNothing, operation) {
			t.Errorf("%s: nobody looks at what it writes down", operation)
		}
	}
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
