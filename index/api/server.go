package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// An Engine does what is more than reading a generation.
type Engine interface {
	Channels
	// Rebuild derives the catalog from the registry anew; with check it is only
	// compared with what serves.
	Rebuild(ctx context.Context, check bool) (index.Rebuilt, error)
	// Fsck reports everything stored that is damaged.
	Fsck(ctx context.Context, report func(index.Damage)) error
	// Collect removes what nothing reaches any more, or only says what it would
	// remove, and tells item of each decision.
	Collect(ctx context.Context, dryRun bool, item func(index.Garbage)) (index.Collection, error)
	// Config gives the plugin manifest in the config blob of a version.
	Config(ctx context.Context, id artifact.Name, v *catalog.Version) (*artifact.Plugin, error)
}

// Options of a Server. Live, Engine and Ready must be given; a guard that is not
// (Authorize, Identify, Visibility) refuses whatever it would be asked.
type Options struct {
	Live   *catalog.Live
	Engine Engine
	// Ready says why the server is not ready yet, or nil.
	Ready func() error
	// Current says why what Live serves may not be believed now, or nil, and is asked
	// before an answer is given that was made before: it is as quick as an atomic
	// load. Nil asks Ready.
	Current func() error
	// Degraded says what does not work while the server is ready, or ""; nil is "".
	Degraded func() string
	// Authorize decides whether the caller of ctx may do an action to a plugin, to a
	// publisher (a name without "/"), or to the site where name is "". Errors wrap artifact.ErrDenied; a
	// *index.Problem says its own code. Nil refuses everybody.
	Authorize func(ctx context.Context, action Action, name string) error
	// Identify refuses a caller of ctx who is nobody, before a body is read that
	// only somebody may send. Its errors are those of Authorize. Nil refuses
	// everybody; AnybodyUnsafe nobody.
	Identify func(ctx context.Context) error
	// Visibility says what the caller of ctx may know of. Nil refuses everybody;
	// EverythingUnsafe lets everybody know of everything.
	Visibility func(ctx context.Context) (catalog.Visibility, error)
	// Role says in what role the caller of ctx asks about a plugin. Nil is nobody in
	// particular, who is shown least.
	Role func(ctx context.Context, plugin artifact.Name) (table.Role, error)
	// Accounts are tokens, namespaces and the audit log; nil serves none.
	Accounts Accounts
	// Publishers are what ledgers say of them; nil serves none.
	Publishers Publishers
	// Lifecycles say where plugins stand and move them; nil serves none.
	Lifecycles Lifecycles
	// Emergencies stop versions at once; nil serves none.
	Emergencies Emergencies
	// Tenants keep what each tenant is and has; nil serves none.
	Tenants Tenants
	// Hold gives up what a request takes as one that is being answered, while it is
	// held back; resume takes it back. Nil gives up nothing.
	Hold func(ctx context.Context) (resume func())
	// Notifications keep webhooks and subscriptions; nil serves none.
	Notifications Notifications
	// Publog proves what was published; nil serves none.
	Publog PublicationLog
	// Ages say since when versions are public; nil refuses who asks for an age.
	Ages func(ctx context.Context) (*catalog.Ages, error)
	// MinimumAge is how long what is chosen must have been public at least, whatever a
	// request says; 0 asks nothing.
	MinimumAge time.Duration
	// Ledgers say until when plugins are looked after; nil serves none of that.
	Ledgers Ledgers
	// Events are what happened to plugins, for those who follow; nil tells of
	// generations alone.
	Events PluginEvents
	// Policies explain and try trust policies; nil serves none.
	Policies Policies
	// Gate says what a push would be answered; nil serves none of that.
	Gate Gate
	// Signing keeps the signed catalog; nil is none.
	Signing Signing
	// Upkeep looks after stored bytes; nil serves none of that.
	Upkeep Upkeep
	// PublicURL is where clients reach the server; empty takes each request's Host.
	PublicURL string
	Version   string
	// MaxBody is the largest request body in bytes; 0 is 1 MiB.
	MaxBody int64
	// CacheBytes is the memory for encoded answers; 0 is 32 MiB.
	CacheBytes int
	// ListsDenied says that the catalog lists what the trust policy denies, which
	// the explanation of a policy then tells.
	ListsDenied bool
	Log         *slog.Logger
	Metrics     *prometheus.Registry
	// MetricsElsewhere leaves /metrics to another listener; here it is not found.
	MetricsElsewhere bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// A Server is the API as an http.Handler. New makes one; Drain ends what does
// not end by itself.
type Server struct {
	Options
	host     string // of references; "" is the request's
	echo     *echo.Echo
	kept     *kept
	hosts    *hosts
	spec     []byte
	docs     []byte
	follower *follower
	draining chan struct{}
	drain    sync.Once
}

// New makes a Server.
func New(o Options) *Server {
	if o.MaxBody == 0 {
		o.MaxBody = 1 << 20
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 32 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Current == nil {
		o.Current = o.Ready
	}
	if o.Hold == nil {
		o.Hold = func(context.Context) func() { return func() {} }
	}
	o.denyWhereNil()
	s := &Server{Options: o, kept: newKept(o.CacheBytes), hosts: newHosts(), follower: newFollower(o.Events), draining: make(chan struct{})}
	if _, rest, ok := strings.Cut(o.PublicURL, "://"); ok {
		s.host = strings.TrimSuffix(rest, "/")
	}
	s.countCatalog()
	s.echo = echo.New()
	s.echo.HideBanner = true
	s.echo.HTTPErrorHandler = fail
	s.routes()
	return s
}

func (s *Server) routes() {
	a := humaecho.New(s.echo, humaConfig(s.Version))
	a.UseMiddleware(s.once, s.early)
	s.catalogRoutes(a)
	s.resolveRoute(a)
	s.eventsRoute(a)
	s.adminRoutes(a)
	s.upkeepRoutes(a)
	s.accountRoutes(a)
	s.publisherRoutes(a)
	s.lifecycleRoutes(a)
	s.openeoxRoutes(a)
	s.emergencyRoutes(a)
	s.tenantRoutes(a)
	s.logRoutes(a)
	s.notificationRoutes(a)
	s.policyRoutes(a)
	s.draftRoute(a)
	var err error
	if s.spec, s.docs, err = describe(a.OpenAPI()); err != nil {
		panic(err) // the description is made from our own types: a test makes it
	}
	s.healthRoutes()
}

func humaConfig(version string) huma.Config {
	if version == "" {
		version = "unknown"
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "Oarlock API", Version: version,
				Description: "The catalog of plugins that a registry holds: what there is, what fits a host, and which digests to pull."},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"bearer": {Type: "http", Scheme: "bearer", Description: "A robot, personal or admin token; the first start of a server prints an admin token. None on a server with --dev."}},
			},
		},
		Formats:                      formats(),
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// ServeHTTP answers from what is kept, or routes. HEAD is GET without a body,
// which net/http leaves out by itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h["X-Content-Type-Options"] = nosniff
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if read && strings.HasPrefix(r.URL.Path, "/api/v1/") && !strings.HasPrefix(r.URL.Path, tenantsPath) && s.Current() == nil {
		if by, err := s.visibility(r.Context()); err == nil {
			if a := s.kept.get(s.keyOf(r, by), s.Live.Current().Number); a != nil {
				a.send(w, r)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), visibilityKey{}, by))
		}
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, r))
	if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		r.Header.Set("Content-Type", "application/json") // what curl -d says of any body; there are no forms to send here
	}
	if r.Method == http.MethodHead {
		r.Method = http.MethodGet
	}
	s.echo.ServeHTTP(w, r)
}

// tenantsPath begins what is of tenants: no answer of it is kept.
const tenantsPath = "/api/v1/tenants/"

var nosniff = []string{"nosniff"}

// keyOf is all of r that its answer depends on: readers of another class have
// other answers.
func (s *Server) keyOf(r *http.Request, by catalog.Visibility) string {
	return by.Class + "\n" + s.hostOf(r) + "\n" + r.URL.RequestURI()
}

// hostOf is the registry's host in references.
func (s *Server) hostOf(r *http.Request) string {
	if s.host != "" {
		return s.host
	}
	return r.Host
}

// callKey finds the request that a typed handler answers.
type callKey struct{}

func callOf(ctx context.Context) *http.Request {
	r, _ := ctx.Value(callKey{}).(*http.Request)
	return r
}

// Drain ends event streams, so that a graceful stop does not wait for them.
func (s *Server) Drain() { s.drain.Do(func() { close(s.draining) }) }
