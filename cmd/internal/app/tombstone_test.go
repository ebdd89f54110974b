package app

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
)

// encoded finds what may be another text in base64.
var encoded = regexp.MustCompile(`[A-Za-z0-9+/]{80,}={0,2}`)

// told reports whether an answer has a digest, in plain text or within base64.
func told(text, digest string) bool {
	if strings.Contains(text, digest) {
		return true
	}
	for _, part := range encoded.FindAllString(text, -1) {
		raw, err := base64.StdEncoding.DecodeString(part)
		if err == nil && strings.Contains(string(raw), digest) {
			return true
		}
	}
	return false
}

// Proves E12 and B11: of a version that is a tombstone to who asks, no route of the API
// tells the digest, in no state and also not by an earlier generation; the history does,
// which is the ledger that everybody copies.
func TestNoAnswerTellsTheDigestOfATombstone_E12_B11(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	const plugin = "/api/v1/plugins/acme/hello"
	first := ask[index.VersionDetail](t, w.Server, "", "GET", plugin+"/versions/1.1.0", nil, http.StatusOK)
	spec := ask[struct {
		Paths map[string]map[string]any `json:"paths"`
	}](t, w.Server, "", "GET", "/api/openapi.json", nil, http.StatusOK)
	digest := first.Digest.String()
	look := func(state string) {
		t.Helper()
		for path, methods := range spec.Paths {
			if _, is := methods["get"]; !is || !strings.HasPrefix(path, "/api/v1/plugins/{") || strings.HasSuffix(path, "/history") {
				continue
			}
			named := strings.NewReplacer("{publisher}", "acme", "{name}", "hello", "{version}", "1.1.0").Replace(path)
			for _, query := range []string{"", "?generation=" + strconv.FormatInt(first.Generation, 10)} {
				code, text := answered(t, "", "GET", w.URL()+named+query, nil)
				if told(string(text), digest) || code >= 500 || code == http.StatusUnauthorized {
					t.Errorf("%s: GET %s%s: %d %s", state, named, query, code, text)
				}
			}
		}
	}
	move := func(m index.NewMove) {
		t.Helper()
		ask[index.Lifecycle](t, w.Server, w.bootstrap, "POST", plugin+"/lifecycle", m, http.StatusOK)
	}
	move(index.NewMove{Move: index.MoveSuspend, Reason: "broken"})
	look("suspended")
	move(index.NewMove{Move: index.MoveRemove, Reason: "broken"})
	look("removed")
	move(index.NewMove{Move: index.MoveRestore})
	move(index.NewMove{Move: index.MoveResume})
	e := w.propose(w.ada, index.NewEmergency{Version: "1.1.0"})
	look("an emergency is proposed")
	w.do(w.grace, e.ID, "confirm")
	look("an emergency is in force")
	w.do(w.ada, e.ID, "undo")
	w.do(w.grace, e.ID, "undo")
	ask[any](t, w.Server, w.ada, "POST", "/api/v1/admin/blocks", map[string]any{"repository": "acme/hello", "reference": "1.1.0", "reason": "x"}, http.StatusOK)
	for ask[index.VersionDetail](t, w.Server, w.bootstrap, "GET", plugin+"/versions/1.1.0", nil, http.StatusOK).State != index.VersionBlocked {
		if t.Context().Err() != nil {
			t.Fatal("it is not blocked")
		}
	}
	look("blocked")
}
