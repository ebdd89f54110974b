package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
)

// Proves B4: a server that was made without a guard refuses what that guard
// would be asked about, and says which one is missing.
func TestAMissingGuardRefuses_B4(t *testing.T) {
	t.Parallel()
	s := newSite(t, plugin(t, "acme/hello", "1.0.0 >=1 <2"))
	may := func(context.Context, api.Action, string) error { return nil }
	for guard, row := range map[string]struct {
		o            api.Options
		method, path string
	}{
		"Visibility": {api.Options{Authorize: may, Identify: api.AnybodyUnsafe}, "GET", "/api/v1/plugins/acme/hello"},
		"Identify":   {api.Options{Authorize: may, Visibility: api.EverythingUnsafe}, "POST", "/api/v1/admin/rebuild"},
		"Authorize":  {api.Options{Identify: api.AnybodyUnsafe, Visibility: api.EverythingUnsafe}, "POST", "/api/v1/admin/rebuild"},
	} {
		row.o.Live, row.o.Engine, row.o.Ready = s.live, s.engine, func() error { return nil }
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			api.New(row.o).ServeHTTP(w, httptest.NewRequest(row.method, row.path, strings.NewReader("{}")))
			return w
		}
		w := ask()
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), index.CodeDenied) || !strings.Contains(w.Body.String(), "guard "+guard) {
			t.Errorf("without %s: %d %s", guard, w.Code, w.Body)
		}
		row.o.Authorize, row.o.Identify, row.o.Visibility = may, api.AnybodyUnsafe, api.EverythingUnsafe
		if w := ask(); w.Code == http.StatusForbidden || w.Code == http.StatusNotFound {
			t.Errorf("with every guard, %s %s: %d %s", row.method, row.path, w.Code, w.Body)
		}
	}
}
