package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/index/api"
)

// metricsServer answers /metrics on an address of its own, so that what says
// how busy a site is need not be public. A nil one does nothing.
type metricsServer struct {
	listener net.Listener
	http     *http.Server
}

// openMetrics takes the address, if there is one.
func openMetrics(c config.Config) (*metricsServer, error) {
	if c.Metrics == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", c.Metrics)
	if err != nil {
		return nil, err
	}
	return &metricsServer{listener: l, http: &http.Server{ReadHeaderTimeout: time.Second}}, nil
}

// answer says what is answered, within the limits of the public address.
func (m *metricsServer) answer(c config.Config, reg prometheus.Gatherer, log *slog.Logger) {
	if m == nil {
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", api.MetricsHandler(reg))
	m.http = &http.Server{
		Handler:           requests(c.Limits).Wrap(mux),
		ReadHeaderTimeout: c.Limits.ReadHeader, IdleTimeout: c.Limits.Idle, WriteTimeout: c.Limits.BodyGrace,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (m *metricsServer) address() string { return m.listener.Addr().String() }

// serve answers until ctx ends.
func (m *metricsServer) serve(ctx context.Context) error {
	if m == nil {
		return nil
	}
	defer context.AfterFunc(ctx, func() { _ = m.close() })()
	if err := m.http.Serve(m.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (m *metricsServer) close() error {
	if m == nil {
		return nil
	}
	err := m.http.Close()
	if e := m.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
