package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
)

const (
	// pingAfter and pingWithin find HTTP/2 clients that are gone.
	pingAfter, pingWithin = 30 * time.Second, 15 * time.Second
	// maxStreams is how many requests one HTTP/2 connection carries at once.
	maxStreams = 128
)

// front is what the network sees: all handlers behind the edge, and the
// certificate.
type front struct {
	listener net.Listener
	http     *http.Server
	tls      *edge.Certificate // nil without
	drain    time.Duration
	log      *slog.Logger
}

// newFront answers on l by next. leaving is called when it begins to end.
func newFront(cfg config.Config, at clock.Clock, l net.Listener, next http.Handler, leaving func(), metrics prometheus.Registerer, log *slog.Logger) (*front, error) {
	proxies, err := edge.ParseProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler:           proxies.Wrap(next),
		ConnContext:       edge.Connection,
		ReadHeaderTimeout: cfg.Limits.ReadHeader,
		IdleTimeout:       cfg.Limits.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingWithin, WriteByteTimeout: cfg.Limits.BodyGrace,
		},
	}
	server.RegisterOnShutdown(leaving)
	var certificate *edge.Certificate
	if cfg.TLSCert != "" {
		if certificate, err = edge.OpenCertificate(cfg.TLSCert, cfg.TLSKey, at, log); err != nil {
			return nil, err
		}
		certificate.Register(metrics)
		server.TLSConfig = certificate.Config()
	}
	limited := edge.LimitConnections(l, edge.Crowd{All: cfg.Limits.Connections, PerAddress: cfg.Limits.ConnectionsPerAddress, Proxies: proxies})
	return &front{listener: limited, http: server, tls: certificate, drain: cfg.Limits.Drain, log: log}, nil
}

// serve answers until finish, or until ctx ends.
func (f *front) serve(ctx context.Context) (err error) {
	defer context.AfterFunc(ctx, func() { _ = f.http.Close() })()
	if f.tls != nil {
		err = f.http.ServeTLS(f.listener, "", "")
	} else {
		err = f.http.Serve(f.listener)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// finish lets requests in flight end.
func (f *front) finish() error {
	f.log.Info("draining", "at_most", f.drain)
	ctx, cancel := context.WithTimeout(context.Background(), f.drain)
	defer cancel()
	if err := f.http.Shutdown(ctx); err != nil {
		f.log.Warn("requests were cut", "err", err)
		return f.http.Close()
	}
	return nil
}

// reload reads the certificate again.
func (f *front) reload(ctx context.Context) error {
	if f.tls == nil {
		return nil
	}
	return f.tls.Reload(ctx)
}

// tasks keep the certificate fresh.
func (f *front) tasks() []periodic.Task {
	if f.tls == nil {
		return nil
	}
	return []periodic.Task{{Name: "certificate", Every: certificateEvery, Quiet: true, Run: f.tls.Reload}} // it logs what is wrong
}

// uploads hold senders of bytes to a pace, and requests senders of everything
// else to a time.
func uploads(l config.Limits) edge.Bodies {
	if l.UploadRate <= 0 {
		return edge.Bodies{}
	}
	return edge.Bodies{Grace: l.BodyGrace, Rate: l.UploadRate}
}

func requests(l config.Limits) edge.Bodies {
	return edge.Bodies{Grace: l.BodyGrace, Kind: artifact.ErrInvalid}
}

// crowded answers as many requests at once as the configuration lets it, and
// health in any case.
func crowded(limits config.Limits, next http.Handler) http.Handler {
	full := requests(limits).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "1")
		api.Refuse(w, r, index.NewProblem(index.CodeUnavailable, "the server answers as many requests as it may", "try again in a second"))
	}))
	room := edge.NewRoom(limits.Requests, full.ServeHTTP)
	within, holdable := room.Limit(next), room.Holdable(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/livez" || r.URL.Path == "/readyz" || r.URL.Path == "/metrics":
			next.ServeHTTP(w, r)
		case api.MayHold(r):
			holdable.ServeHTTP(w, r)
		default:
			within.ServeHTTP(w, r)
		}
	})
}

// metricsServer answers /metrics on an address of its own, so that what says
// how busy a site is need not be public. A nil one does nothing.
type metricsServer struct {
	listener net.Listener
	http     *http.Server
}

// newMetricsServer answers on l within the limits of the public address; nil
// without one.
func newMetricsServer(c config.Config, l net.Listener, reg prometheus.Gatherer, log *slog.Logger) *metricsServer {
	if l == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", api.MetricsHandler(reg))
	return &metricsServer{listener: l, http: &http.Server{
		Handler:           requests(c.Limits).Wrap(mux),
		ReadHeaderTimeout: c.Limits.ReadHeader, IdleTimeout: c.Limits.Idle, WriteTimeout: c.Limits.BodyGrace,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
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
