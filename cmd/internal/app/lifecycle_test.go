package app

import (
	"net/http"
	"slices"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// TestOwnersUndoNothingOfTheSite_E4_F14: what an admin of the site did to a plugin
// is taken back by the site alone, and may be done over what owners did.
func TestOwnersUndoNothingOfTheSite_E4_F14(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	owner := accountOf(t, s, admin, "eve")
	ask[any](t, s, admin, "POST", "/api/v1/namespaces", map[string]any{"name": "acme"}, http.StatusCreated)
	ask[any](t, s, admin, "PUT", "/api/v1/namespaces/acme/members/person:eve", map[string]any{"role": "owner"}, http.StatusNoContent)
	pushAs(t, s, admin, 1)
	listed := ask[index.Page](t, s, admin, "GET", "/api/v1/plugins", nil, http.StatusOK).Items
	if len(listed) != 1 {
		t.Fatalf("listed: %+v", listed)
	}
	plugin := "/api/v1/plugins/" + listed[0].ID
	version := plugin + "/versions/" + listed[0].Version
	moves := func(move string) map[string]any {
		m := map[string]any{"move": move}
		if slices.Contains([]string{"deprecate", "suspend", "remove"}, move) {
			m["reason"] = "malware"
		}
		return m
	}
	for _, pair := range [][2]string{{"deprecate", "undeprecate"}, {"suspend", "resume"}, {"remove", "restore"}} {
		ask[any](t, s, owner, "POST", plugin+"/lifecycle", moves(pair[0]), http.StatusOK)
		ask[any](t, s, admin, "POST", plugin+"/lifecycle", moves(pair[0]), http.StatusOK)
		if p := ask[index.Problem](t, s, owner, "POST", plugin+"/lifecycle", moves(pair[1]), http.StatusConflict); p.Code != index.CodeLifecycle || slices.Contains(p.Legal, pair[1]) {
			t.Errorf("%s by an owner: %+v", pair[1], p)
		}
		ask[any](t, s, admin, "POST", plugin+"/lifecycle", moves(pair[1]), http.StatusOK)
		if now := ask[index.Lifecycle](t, s, owner, "GET", plugin+"/lifecycle", nil, http.StatusOK); !slices.Contains(now.Legal, pair[1]) {
			t.Errorf("after %s by the site the owner's own is no longer there: %+v", pair[1], now)
		}
		ask[any](t, s, owner, "POST", plugin+"/lifecycle", moves(pair[1]), http.StatusOK)
	}
	ask[any](t, s, admin, "POST", version+"/yank", map[string]any{"reason": "malware"}, http.StatusOK)
	if p := ask[index.Problem](t, s, owner, "POST", version+"/unyank", map[string]any{}, http.StatusConflict); p.Code != index.CodeLifecycle {
		t.Errorf("unyank by an owner: %+v", p)
	}
	ask[any](t, s, admin, "POST", version+"/unyank", map[string]any{}, http.StatusOK)
}

// TestNobodyIsNotVerified_B2: a statement about a publisher that nobody claimed is
// not found, whoever makes it.
func TestNobodyIsNotVerified_B2(t *testing.T) {
	t.Parallel()
	s, admin := startGuarded(t, unsignedListed(t))
	for method, path := range map[string]string{"POST": "/api/v1/publishers/nobody/verification", "DELETE": "/api/v1/publishers/nobody/verification"} {
		var body any
		if method == "POST" {
			body = index.VerifyRequest{Evidence: "administrator", Note: "known"}
		} else {
			path += "?reason=gone"
		}
		if p := ask[index.Problem](t, s, admin, method, path, body, http.StatusNotFound); p.Code != index.CodeNotFound {
			t.Errorf("%s: %+v", method, p)
		}
	}
}
