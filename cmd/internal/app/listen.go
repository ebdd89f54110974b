package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
)

const (
	// pingAfter and pingWithin find HTTP/2 clients that are gone.
	pingAfter, pingWithin = 30 * time.Second, 15 * time.Second
	// maxStreams is how many requests one HTTP/2 connection carries at once.
	maxStreams = 128
)

// face makes what the network sees: all handlers behind the edge, and the
// certificate.
func (s *Server) face(o *edge.Observer, metrics prometheus.Registerer) error {
	proxies, err := edge.ParseProxies(s.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler:           proxies.Wrap(s.handler(o, metrics)),
		ConnContext:       edge.Connection,
		ReadHeaderTimeout: s.cfg.Limits.ReadHeader,
		IdleTimeout:       s.cfg.Limits.Idle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingWithin, WriteByteTimeout: s.cfg.Limits.BodyGrace,
		},
	}
	s.http.RegisterOnShutdown(s.api.Drain)
	if s.cfg.TLSCert == "" {
		return nil
	}
	if s.tls, err = edge.OpenCertificate(s.cfg.TLSCert, s.cfg.TLSKey, s.log); err != nil {
		return err
	}
	s.tls.Register(metrics)
	s.http.TLSConfig = s.tls.Config()
	return nil
}

// serve answers until finish, or until ctx ends.
func (s *Server) serve(ctx context.Context) error {
	proxies, err := edge.ParseProxies(s.cfg.TrustedProxies)
	if err != nil {
		return err
	}
	l := edge.LimitConnections(s.listener, edge.Crowd{All: s.cfg.Limits.Connections, PerAddress: s.cfg.Limits.ConnectionsPerAddress, Proxies: proxies})
	defer context.AfterFunc(ctx, func() { _ = s.http.Close() })()
	if s.tls != nil {
		err = s.http.ServeTLS(l, "", "")
	} else {
		err = s.http.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (s *Server) reloadCertificate(ctx context.Context) error {
	if s.tls == nil {
		return nil
	}
	return s.tls.Reload(ctx)
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

// bounded answers as many requests at once as the configuration lets it, and
// health in any case.
func (s *Server) bounded(next http.Handler) http.Handler {
	full := requests(s.cfg.Limits).Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "1")
		api.Refuse(w, r, index.NewProblem(index.CodeUnavailable, "the server answers as many requests as it may", "try again in a second"))
	}))
	within := edge.LimitRequests(s.cfg.Limits.Requests, next, full.ServeHTTP)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/livez", "/readyz", "/metrics":
			next.ServeHTTP(w, r)
		default:
			within.ServeHTTP(w, r)
		}
	})
}
