package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/notices"
	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/index/publisher"
	"github.com/oarlock/oarlock/registry"
)

// A Server is the whole of Oarlock on one listener. Open makes one, Run serves
// until its context ends, Close gives everything back.
type Server struct {
	cfg      config.Config
	clock    clock.Clock // tells all parts for how long something is good
	log      *slog.Logger
	listener net.Listener
	metrics  *metricsServer // nil without an address of its own
	reserves reserves
	registry *registry.Registry
	accounts *accounts
	index    *joined
	*engines
	health  *health
	watch   *databaseWatch
	front   *front
	tasks   *periodic.Runner
	parts   []part
	held    *closers
	closing sync.Once
}

// Addr is the address that is listened on, with its real port.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is how to reach the server from this machine.
func (s *Server) URL() string {
	return urlOf(s.cfg, s.listener)
}

// Run serves until ctx ends, then lets requests in flight finish, and returns
// nil. It returns early only when one of its parts breaks.
func (s *Server) Run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	broken, wait := begin(background, s.parts)
	s.log.InfoContext(ctx, "listening", "address", s.Addr(), "url", s.URL(), "data", s.cfg.Data, "dev", s.cfg.Footing().AnyoneIsAdmin)
	var err error
	select {
	case err = <-broken:
	case <-ctx.Done():
		if err = s.health.leave(s.cfg.Limits.Unready, broken, context.Cause(ctx), s.log); err == nil {
			err = s.front.finish()
		}
	}
	stop()
	return errors.Join(err, wait())
}

// ErrAtOnce is wrapped by the cause of a context whose end ends a Server
// without the wait of limits.unready: somebody at a terminal waits for it.
var ErrAtOnce = errors.New("at once")

// Reload reads the trust policy and the certificate again; of what cannot be
// used the earlier one stays.
func (s *Server) Reload(ctx context.Context) error {
	return errors.Join(s.front.reload(ctx), s.index.reload(ctx))
}

// Close gives storage and address back. Run has written the checkpoint.
func (s *Server) Close() (err error) {
	s.closing.Do(func() { err = s.held.close() })
	return err
}

// health says what a Server can do now.
type health struct {
	accounts *accounts
	index    *joined
	watch    *databaseWatch
	stated   *publisher.Statements
	reserves reserves
	notices  *notices.Notices
	leaving  atomic.Bool // /readyz says so
}

// ready says why requests are better sent to another server.
func (h *health) ready() error {
	if h.leaving.Load() {
		return errors.New("the server is about to end")
	}
	if since, serves := h.accounts.Silent(); !serves {
		return fmt.Errorf("the database does not answer since %s, and what was known of the namespaces is too old to serve reads", since.UTC().Format(time.RFC3339))
	}
	return h.index.ready()
}

// degraded says all that does not work while requests are served, or "".
func (h *health) degraded() string {
	all := []string{silence(h.accounts.Authority), diskFull(h.reserves)}
	if err := h.index.publog.Stuck(); err != nil {
		all = append(all, err.Error())
	}
	all = append(all, h.watch.degraded(), h.stated.Stuck(), h.notices.Stuck())
	return strings.Join(slices.DeleteFunc(all, func(what string) bool { return what == "" }), "; ")
}

// leave says by /readyz that the server goes, and serves on for as long as
// whoever sends requests here takes to see it.
func (h *health) leave(wait time.Duration, broken <-chan error, why error, log *slog.Logger) error {
	h.leaving.Store(true)
	if wait <= 0 || errors.Is(why, ErrAtOnce) {
		return nil
	}
	log.Info("leaving: not ready any more, still serving", "for", wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case err := <-broken:
		return err
	case <-timer.C:
		return nil
	}
}
