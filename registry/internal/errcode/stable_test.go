package errcode

import (
	"encoding/json"
	"net/http"
	"testing"
)

// Whatever a detail was, a program finds the stable code in it. Proves L3.
func TestEveryDetailHasTheStableCode_L3(t *testing.T) {
	t.Parallel()
	type pointed struct {
		Place string `json:"place"`
	}
	for want, r := range map[string]*Refusal{
		`{"code":"denied"}`:                             Refuse(http.StatusForbidden, Denied, "no"),
		`{"code":"quota_exceeded"}`:                     Refuse(http.StatusForbidden, Denied, "no").Coded("quota_exceeded"),
		`{"code":"version_taken","tag":"1.0.0"}`:        Refuse(http.StatusConflict, Denied, "no").Coded(StableVersionTaken).Detail(map[string]string{"tag": "1.0.0"}),
		`{"code":"invalid","place":"/id"}`:              Refuse(http.StatusBadRequest, ManifestInvalid, "no").Detail(pointed{"/id"}),
		`{"code":"emergency_removed"}`:                  Refuse(http.StatusForbidden, Denied, "no").Detail(map[string]string{"code": "emergency_removed"}),
		`{"code":"unauthorized","detail":["x"]}`:        Refuse(http.StatusUnauthorized, Unauthorized, "no").Detail([]string{"x"}),
		`{"code":"conflict"}`:                           Refuse(http.StatusPreconditionFailed, Denied, "no").Detail(json.RawMessage("null")),
		`{"code":"storage_full"}`:                       Refuse(http.StatusInsufficientStorage, Unavailable, "no").Detail(func() {}),
		`{"code":"too_many_requests","detail":"words"}`: Refuse(http.StatusTooManyRequests, Denied, "no").Detail("words"),
	} {
		for _, e := range r.Answer() {
			if raw, err := json.Marshal(e.Detail); err != nil || string(raw) != want {
				t.Errorf("%s, %v, expected %s", raw, err, want)
			}
		}
	}
}
