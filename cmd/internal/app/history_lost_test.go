package app

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Proves E1: the history of a plugin whose ledger is gone is not that of one which nobody
// ever moved: it could not be told.
func TestALedgerThatIsGoneIsNoEmptyHistory_E1(t *testing.T) {
	t.Parallel()
	w := openEmergencyWorld(t)
	const plugin = "/api/v1/plugins/acme/hello"
	if page := ask[index.LedgerPage](t, w.Server, w.bootstrap, "GET", plugin+"/history", nil, http.StatusOK); len(page.Items) != 0 {
		t.Errorf("nobody moved it, and its history is %+v", page.Items)
	}
	ask[any](t, w.Server, w.bootstrap, "POST", plugin+"/lifecycle", map[string]any{"move": "suspend", "reason": "security_review"}, http.StatusOK)
	must(0, w.stop())
	must(0, os.RemoveAll(filepath.Join(w.config.Data, "registry/docker/registry/v2/repositories/acme/hello/_manifests/tags", artifact.StateTag)))
	var notice bytes.Buffer
	s, _ := startWith(t, w.config, &notice)
	p := ask[index.Problem](t, s, w.bootstrap, "GET", plugin+"/history", nil, http.StatusServiceUnavailable)
	if p.Code != index.CodeUnavailable || !strings.Contains(p.Detail, "1 statements are known") {
		t.Errorf("%+v", p)
	}
}
