package edge

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// RegistryRoutes are what requests to /v2/ are told apart by in metrics, the
// names that registry.RouteName gives, with
// the level at which their writes are logged: what changes what a client sees
// is said, each piece of an upload is not.
var RegistryRoutes = map[string]slog.Level{
	"manifest": slog.LevelInfo, "blob": slog.LevelDebug, "upload": slog.LevelDebug,
	"tags": slog.LevelDebug, "referrers": slog.LevelDebug, "base": slog.LevelDebug, "other": slog.LevelDebug,
}

// Traffic counts what the registry gave and took.
type Traffic struct{ pulls, pushes *prometheus.CounterVec }

// NewTraffic counts in metrics.
func NewTraffic(metrics prometheus.Registerer) *Traffic {
	t := &Traffic{
		pulls:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oarlock_registry_pulls_total", Help: "What the registry gave, whole or in part or by a link elsewhere."}, []string{"kind"}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "oarlock_registry_pushes_total", Help: "What the registry took and acknowledged."}, []string{"kind"}),
	}
	metrics.MustRegister(t.pulls, t.pushes)
	return t
}

// Answered counts one answer of the registry.
func (t *Traffic) Answered(r *http.Request, route string, status int) {
	switch kind := strings.Replace(route, "upload", "blob", 1); {
	case kind != "manifest" && kind != "blob":
	case r.Method == http.MethodGet && route != "upload" && (status == http.StatusOK || status == http.StatusPartialContent || status == http.StatusTemporaryRedirect):
		t.pulls.WithLabelValues(kind).Inc()
	case (r.Method == http.MethodPut || r.Method == http.MethodPost) && status == http.StatusCreated:
		t.pushes.WithLabelValues(kind).Inc()
	}
}
