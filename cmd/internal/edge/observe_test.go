package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/oarlock/oarlock/index"
)

// TestRequestsHaveIDsAndAreCounted_K4: the id of a client is kept where it cannot
// confuse a log, those behind are told it, and a panic is an answer.
func TestRequestsHaveIDsAndAreCounted_K4(t *testing.T) {
	t.Parallel()
	var inside, panicked string
	o := NewObserver(ObserverOptions{
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(),
		Within:   func(r *http.Request, id string, _ *slog.Logger) context.Context { inside = id; return r.Context() },
		Panicked: func(w http.ResponseWriter, id string) { panicked = id; w.WriteHeader(http.StatusInternalServerError) },
	})
	h := o.Wrap("api", slog.LevelInfo, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/boom" {
			panic("boom")
		}
	}))
	ask := func(path, id string) (int, string) {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		r.Header.Set(index.RequestIDHeader, id)
		h.ServeHTTP(w, r)
		return w.Code, w.Header().Get(index.RequestIDHeader)
	}
	if code, id := ask("/", "mine"); code != http.StatusOK || id != "mine" || inside != id {
		t.Errorf("%d, id %q, inside %q", code, id, inside)
	}
	for _, forged := range []string{"not\nmine", `a b"c`} {
		if _, id := ask("/", forged); len(id) != 16 || inside != id {
			t.Errorf("instead of %q: %q, inside %q", forged, id, inside)
		}
	}
	if code, id := ask("/boom", "bad"); code != http.StatusInternalServerError || panicked != id {
		t.Errorf("a panic: %d, id %q", code, panicked)
	}
	if got := testutil.ToFloat64(o.requests.WithLabelValues("api", "GET", "200")); got != 3 {
		t.Errorf("%v were answered with 200, want 3", got)
	}
}
