package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

func (s *Server) healthRoutes() {
	s.echo.GET("/livez", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })
	s.echo.GET("/readyz", func(c echo.Context) error {
		if err := s.Ready(); err != nil {
			return index.NewProblem(index.CodeUnavailable, err.Error(), "ask again soon; oarlock's log says what it does")
		}
		if s.Degraded != nil {
			if what := s.Degraded(); what != "" {
				return c.String(http.StatusOK, "ok, degraded: "+what+"\n")
			}
		}
		return c.String(http.StatusOK, "ok\n")
	})
	if !s.MetricsElsewhere {
		s.echo.GET("/metrics", echo.WrapHandler(MetricsHandler(s.Metrics)))
	}
	s.echo.GET("/schema/plugin.v1.json", func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Access-Control-Allow-Origin", "*") // editors in a browser read it
		return c.Blob(http.StatusOK, "application/schema+json", artifact.Schema())
	})
	s.echo.GET("/api/openapi.json", func(c echo.Context) error {
		return c.Blob(http.StatusOK, "application/vnd.oai.openapi+json;version=3.1", s.spec)
	})
	s.echo.GET("/api/docs", func(c echo.Context) error {
		c.Response().Header().Set("Content-Security-Policy", pageCSP)
		return c.HTMLBlob(http.StatusOK, s.docs)
	})
}

// countCatalog exports the numbers of the generation that serves.
func (s *Server) countCatalog() {
	gauge := func(name, help string, value func() float64) {
		s.Metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("oarlock_catalog_generation", "Generation that serves.", func() float64 { return float64(s.Live.Current().Number) })
	gauge("oarlock_catalog_generation_timestamp_seconds", "When that generation began to serve.",
		func() float64 { return float64(s.Live.Current().At.UnixMilli()) / 1000 })
	gauge("oarlock_catalog_plugins", "Plugins in that generation, without deleted ones.", func() float64 { return float64(s.Live.Current().Snapshot.Present()) })
	gauge("oarlock_catalog_versions", "Versions in that generation.", func() float64 { return float64(s.Live.Current().Snapshot.Versions()) })
	gauge("oarlock_catalog_pending", "Versions that wait for something.", func() float64 { return float64(s.Live.Current().Snapshot.Pending()) })
}

// MetricsHandler answers with what reg gathers, as Prometheus reads it.
func MetricsHandler(reg prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{DisableCompression: true})
}
