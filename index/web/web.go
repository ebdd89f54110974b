package web

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/oarlock/oarlock/index"
)

// Options of New. Catalog must be given.
type Options struct {
	Catalog Catalog
	// Lifecycles say where plugins stand; nil where the server keeps no ledgers.
	Lifecycles Lifecycles
	// API is the HTTP API, which the pages for who is signed in ask in the name of
	// who looks at them; nil serves none of those pages.
	API http.Handler
	// Held says which plugins a publisher has here; nil shows none on the page of a
	// namespace.
	Held Held
	// Reader says who asks; nil is nobody in particular.
	Reader func(context.Context) Reader
	// PublicURL is where clients reach the server; empty takes each request's Host.
	PublicURL string
	// Login is the path where people log in; empty where they do not.
	Login   string
	Version string
	// AnyoneIsAdmin says on every page that the server is one for trying out,
	// where nobody logs in.
	AnyoneIsAdmin bool
	Log           *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// A Site is the pages as an http.Handler.
type Site struct {
	Options
	echo      *echo.Echo
	templates map[string]*page
	build     string // changes the ETag of every page when the pages change
}

//go:embed assets templates text
var files embed.FS

// New makes a Site.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Reader == nil {
		o.Reader = func(context.Context) Reader { return Reader{} }
	}
	s := &Site{Options: o, templates: parseTemplates(), build: buildID()}
	e := echo.New()
	e.HideBanner = true
	e.HTTPErrorHandler = s.fail
	e.Use(middleware.GzipWithConfig(middleware.GzipConfig{MinLength: 1 << 10}))
	e.GET("/", s.browse)
	e.GET("/plugins/:publisher/:name", s.plugin)
	e.GET("/plugins/:publisher/:name/compare", s.compare)
	e.GET("/plugins/:publisher/:name/:version", s.version)
	e.GET("/publishers", s.publishers)
	e.GET("/publishers/:publisher", s.publisher)
	e.GET("/badge/:publisher/:name", s.badge)
	e.POST("/host", s.chooseHost, sameOrigin)
	e.GET("/assets/*", s.asset)
	if s.API != nil {
		s.consoleRoutes(e)
	}
	s.echo = e
	return s
}

// ServeHTTP implements http.Handler.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	s.echo.ServeHTTP(w, r)
}

// policy lets a page use what comes from this server, and nothing inline.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Paths are the patterns, as http.ServeMux reads them, that a Site answers.
func Paths() []string {
	return []string{"/{$}", "/plugins/", "/publishers", "/publishers/", "/badge/", "/host", "/assets/", loginPath, consolePath, consolePath + "/"}
}

// sameOrigin refuses forms that a page of another site sent.
func sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	check := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if err := check.Check(c.Request()); err != nil {
			return index.NewProblem(index.CodeDenied, "this form came from a page of another site", "open the page on this site and send it again")
		}
		return next(c)
	}
}

// registry is the host that references begin with.
func (s *Site) registry(r *http.Request) string {
	if _, rest, ok := strings.Cut(s.PublicURL, "://"); ok {
		return strings.TrimSuffix(rest, "/")
	}
	return r.Host
}

// buildID is a digest of everything that pages are made from.
func buildID() string {
	h := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := files.ReadFile(path)
		h.Write(raw)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
