package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/ocierror"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/reserve"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/auth"
)

// reserves keep room for acts of safety on the disks that this server writes to.
type reserves struct {
	all []*reserve.Reserve
	log *slog.Logger
}

// openReserves keeps room in the data directory, and in that of the storage
// where it is another. It is done before anything else is opened: a database
// on a full disk needs the room to open at all. A folder that cannot be written
// is for those to tell who have to write there.
func openReserves(cfg config.Config, log *slog.Logger) (reserves, error) {
	place, err := config.ParseStorage(cfg.Storage)
	if err != nil {
		return reserves{}, err
	}
	dirs := []string{cfg.Data}
	if place.Dir != "" && filepath.Clean(place.Dir) != filepath.Clean(cfg.Data) {
		dirs = append(dirs, place.Dir)
	}
	r := reserves{log: log}
	for _, dir := range dirs {
		one, err := reserve.Open(dir, cfg.Limits.Reserve)
		if err != nil {
			log.Warn("storage: no room is kept for acts of safety", "directory", dir, "err", err)
			continue
		}
		if !one.Held() {
			log.Error("storage: nearly full: pushes are refused until there is room", "directory", dir, "reserve", cfg.Limits.Reserve)
		}
		r.all = append(r.all, one)
	}
	return r, nil
}

// register counts what is kept.
func (r reserves) register(metrics prometheus.Registerer) {
	metrics.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "oarlock_storage_reserve_bytes", Help: "Bytes kept for acts of safety; 0 while the disk is full, and pushes are refused then.",
	}, func() float64 {
		least := int64(-1)
		for _, one := range r.all {
			if least < 0 || one.Bytes() < least {
				least = one.Bytes()
			}
		}
		return float64(max(least, 0))
	}))
}

// held reports whether all room is kept.
func (r reserves) held() bool {
	for _, one := range r.all {
		if !one.Held() {
			return false
		}
	}
	return true
}

// diskFull says that pushes are refused for want of room, or "".
func diskFull(r reserves) string {
	if r.held() {
		return ""
	}
	return "the disk is full: the reserve is given up for acts of safety, and pushes are refused until there is room"
}

// yield gives room up for an act of safety, where the disk has none left.
func (r reserves) yield(ctx context.Context) {
	for _, one := range r.all {
		switch given, err := one.Yield(); {
		case err != nil:
			r.log.ErrorContext(ctx, "storage: room for an act of safety", "err", err)
		case given:
			r.log.ErrorContext(ctx, "storage: full: the reserve is given up for an act of safety, pushes are refused until there is room")
		}
	}
}

// refill takes room back where there is some, and reports whether all is kept.
func (r reserves) refill(ctx context.Context) bool {
	if r.held() {
		return true
	}
	for _, one := range r.all {
		if err := one.Refill(); err != nil && artifact.StorageErrorOf(err) == nil {
			r.log.ErrorContext(ctx, "storage: the reserve", "err", err)
		}
	}
	if !r.held() {
		return false
	}
	r.log.InfoContext(ctx, "storage: there is room again: the reserve is kept, pushes are taken")
	return true
}

// safety are the requests that take a right away, keep a version from being
// read, or make room. They have to work on a full disk.
var safety = patterns(
	"DELETE /v2/",
	"DELETE /api/v1/tokens/{id}",
	"PATCH /api/v1/accounts/{principal}",
	"PATCH /api/v1/namespaces/{namespace}",
	"POST /api/v1/namespaces/{namespace}/close",
	"DELETE /api/v1/namespaces/{namespace}/members/{principal}",
	"POST /api/v1/publishers/{publisher}/keys/{id}/revoke",
	"DELETE /api/v1/publishers/{publisher}/verification",
	"POST /api/v1/plugins/{publisher}/{name}/lifecycle",
	"POST /api/v1/plugins/{publisher}/{name}/versions/{version}/yank",
	"DELETE /api/v1/plugins/{publisher}/{name}",
	"POST /api/v1/emergencies",
	"POST /api/v1/emergencies/{id}/confirm",
	"POST /api/v1/emergencies/{id}/undo",
	"POST /api/v1/log/recover",
	"DELETE /api/v1/webhooks/{id}",
	"DELETE /api/v1/subscriptions/{id}",
	"DELETE /api/v1/tenants/{tenant}/members/{principal}",
	"DELETE /api/v1/tenants/{tenant}/hosts/{host}",
	"POST /api/v1/tenants/{tenant}/hosts/{host}/rotate",
	"POST /api/v1/tenants/{tenant}/plugins/{publisher}/{name}/disable",
	"POST /api/v1/admin/blocks",
	"POST /api/v1/admin/gc",
	"GET /api/v1/admin/fsck",
	"POST /api/v1/admin/repair",
	"POST /api/v1/admin/scrub",
	"POST /api/v1/admin/rebuild",
)

// questions are the requests that write nothing, whatever their method.
var questions = patterns("GET /", "HEAD /", "OPTIONS /", "POST /api/v1/resolve", "POST /api/v1/admin/policy/test",
	"POST /api/v1/plugins/{publisher}/{name}/versions/{version}/check")

// plainRead reports whether a request is in questions and not in safety,
// without asking either.
func plainRead(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && !strings.HasPrefix(r.URL.Path, "/api/v1/admin/")
}

func patterns(all ...string) *http.ServeMux {
	mux := http.NewServeMux()
	for _, p := range all {
		mux.Handle(p, http.NotFoundHandler())
	}
	return mux
}

func matches(mux *http.ServeMux, r *http.Request) bool {
	_, pattern := mux.Handler(r)
	return pattern != ""
}

// keep gives room up for acts of safety of those who are logged in, or of
// anybody, and refuses other writes while it is given up.
func (r reserves) keep(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	if len(r.all) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case plainRead(req): // most requests, which are not to pay for this
		case matches(safety, req):
			if auth.From(req.Context()).LoggedIn() {
				r.yield(req.Context())
			}
		case !r.held() && !matches(questions, req) && !r.refill(req.Context()):
			refuse(w, req, &artifact.StorageError{Reason: artifact.StorageFull, Err: errReserved})
			return
		}
		next.ServeHTTP(w, req)
	})
}

var errReserved = errors.New("what is left is kept for acts of safety")

// refuseRegistry answers in the words of the OCI API.
func refuseRegistry(w http.ResponseWriter, r *http.Request, _ error) {
	ocierror.Write(w, r, http.StatusInsufficientStorage, ocierror.New("UNAVAILABLE",
		"the registry's storage is full: nothing was stored, what is left is kept for acts of safety; try again when the operator has made room", index.CodeStorage))
}
