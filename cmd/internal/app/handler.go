package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact/clock"
	"github.com/oarlock/oarlock/cmd/internal/config"
	"github.com/oarlock/oarlock/cmd/internal/edge"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/index/feed"
	"github.com/oarlock/oarlock/index/ingest"
	"github.com/oarlock/oarlock/index/lifecycle"
	"github.com/oarlock/oarlock/index/notify/mail"
	"github.com/oarlock/oarlock/index/publog"
	"github.com/oarlock/oarlock/index/web"
	"github.com/oarlock/oarlock/registry"
)

// newHandler is everything that the server answers, each part behind what says
// who asks.
func newHandler(cfg config.Config, at clock.Clock, p *premises, a *accounts, index *joined, r *registry.Registry, e *engines, served *api.Server,
	watch *databaseWatch, metrics prometheus.Registerer, log *slog.Logger,
) http.Handler {
	uploads, bodies := uploads(cfg.Limits), requests(cfg.Limits)
	o := edge.NewObserver(edge.ObserverOptions{Log: log, Metrics: metrics, Within: asked, Panicked: api.RefuseInternal,
		Large: uploads.Answer, Answered: edge.NewTraffic(metrics).Answered})
	unbroken := newerGuard{watch}
	store := edge.OnePiece(o.WrapRoutes("registry", edge.RegistryRoutes, registryRoute, uploads.Wrap(a.forRegistry(unbroken.keep(p.reserves.keep(r, refuseRegistry))))))
	logins := o.Wrap("auth", slog.LevelInfo, bodies.Wrap(unbroken.keepLogins(a.forLogins())))
	rest := o.Wrap("api", slog.LevelInfo, bodies.Wrap(a.forAPI(unbroken.keep(p.reserves.keep(pagesOr(cfg, at, a, served, index, e, log), refuse)))))
	return guard(cfg, crowded(cfg.Limits, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/v2" || strings.HasPrefix(path, "/v2/"):
			store.ServeHTTP(w, r)
		case strings.HasPrefix(path, "/auth/"):
			logins.ServeHTTP(w, r)
		default:
			rest.ServeHTTP(w, r)
		}
	})))
}

// pagesOr answers the paths of pages, and leaves the others to next.
func pagesOr(cfg config.Config, at clock.Clock, a *accounts, next *api.Server, index *joined, e *engines, says *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	pages := web.New(web.Options{
		Catalog: next.Pages(), API: next, Held: next.Pages(), Lifecycles: next.Lifecycles, Reader: readerOf, PublicURL: cfg.PublicURL, Login: loginPath(a.login),
		Version: next.Options.Version, AnyoneIsAdmin: cfg.Footing().AnyoneIsAdmin, Now: at.Now, Log: says,
	})
	for _, path := range web.Paths() {
		mux.Handle(path, pages)
	}
	mux.Handle(mail.Path, mail.Pages(e.notices.Mailboxes, says))
	mux.Handle(publog.Path, index.publog.Handler(refuse))
	mux.Handle(feed.Path, feed.New(feed.Options{Catalog: next.Pages(), Ledgers: toldLedgers{index.ingest, e.lifecycles}, PublicURL: cfg.PublicURL,
		Refuse: refuse, Absent: absentFeed(cfg), Log: says}))
	mux.Handle("/", next)
	return mux
}

// toldLedgers are the ledgers of plugins as feeds tell them.
type toldLedgers struct {
	*ingest.Ingester
	*lifecycle.Service
}

// absentFeed asks who is not logged in to do so, as feed readers do it. It is the
// same whether there is something to see then or not.
func absentFeed(cfg config.Config) func(context.Context, string) error {
	return func(ctx context.Context, what string) error {
		if cfg.Footing().AnyoneIsAdmin || auth.From(ctx).LoggedIn() {
			return index.NewProblem(index.CodeNotFound, "there is no feed of "+what, "search at /; its page links to the feed")
		}
		return &auth.ChallengeError{Header: `Basic realm="oarlock"`,
			Detail: "there is no feed of " + what + " for everybody; a private one takes a token as the password"}
	}
}

// readerOf is who looks at a page.
func readerOf(ctx context.Context) web.Reader {
	p := auth.From(ctx)
	if !p.LoggedIn() {
		return web.Reader{}
	}
	return web.Reader{Name: p.Name, Session: p.Session != "",
		Site: slices.ContainsFunc(p.Grants, func(g auth.Grant) bool { return g.Namespace == "" })}
}

// loginPath is where people log in with a browser, or "".
func loginPath(login *auth.Login) string {
	if login == nil {
		return ""
	}
	return "/auth/login"
}

// asked lets the API and the audit log have the id of the request, and the
// latter where it comes from.
func asked(r *http.Request, id string, log *slog.Logger) context.Context {
	return auth.WithRequest(api.InRequest(r.Context(), id, log), auth.Request{ID: id, Address: auth.RemoteAddress(r)})
}

func (a *accounts) forRegistry(next http.Handler) http.Handler {
	return a.Authenticated(a.Limited(a.requests, next, nil, nil), nil)
}

// forLogins is the token protocol, and the pages through which people log in.
func (a *accounts) forLogins() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/token", auth.NewTokenServer(a.tokens, a.logins, nil))
	mux.HandleFunc("GET /auth/keys", a.ServeKeys)
	sessions := auth.NewSessions(a.tokens, a.logins, 0)
	for _, path := range auth.SessionPaths() {
		mux.Handle(path, sessions)
	}
	if a.login != nil {
		mux.Handle("/auth/", a.login)
	} else {
		mux.HandleFunc("/auth/", func(w http.ResponseWriter, r *http.Request) {
			refuse(w, r, index.NewProblem(index.CodeNotFound, "people do not log in through a provider here: none is configured",
				"log in with a token: oarlock login HOST, or in a browser at "+auth.SignInPath))
		})
	}
	return mux
}

// asksAPI reports whether what answers at path asks the API, whose limit of
// requests it then has.
func asksAPI(path string) bool {
	return strings.HasPrefix(path, "/api/v1/") || strings.HasPrefix(path, mail.Path) || strings.HasPrefix(path, publog.Path) || strings.HasPrefix(path, feed.Path) || web.AsksAPI(path)
}

// forAPI is the API and the pages.
func (a *accounts) forAPI(next http.Handler) http.Handler {
	next = a.loggedIn(next)
	limited := a.Limited(a.requests, next, nil, refuse)
	return a.AuthenticatedPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asksAPI(r.URL.Path) {
			limited.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r) // health is never limited
	}), refuse)
}

// loggedIn lets nobody but those who are logged in to next, where the site is
// so; health is open, and the links of letters are, which hold what lets them.
func (a *accounts) loggedIn(next http.Handler) http.Handler {
	if a.anonymous == "pull" || a.anonymous == "catalog" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/livez" || r.URL.Path == "/readyz" || strings.HasPrefix(r.URL.Path, mail.Path) || auth.From(r.Context()).LoggedIn():
			next.ServeHTTP(w, r)
		case !strings.HasPrefix(r.URL.Path, "/api/") && strings.Contains(r.Header.Get("Accept"), "text/html"):
			web.SignIn(w, r, loginPath(a.login))
		default:
			refuse(w, r, a.CheckBase(r.Context()))
		}
	})
}

// registryRoute is the one of edge.RegistryRoutes that r asks for.
func registryRoute(r *http.Request) string { return registry.RouteName(r.URL.Path) }
