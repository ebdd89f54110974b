package feed

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// Path is where feeds are.
const Path = "/feeds/"

// Options of New. Catalog, Ledgers, Refuse and Log must be given.
type Options struct {
	Catalog Catalog
	Ledgers Ledgers
	// PublicURL is where clients reach the server; empty takes each request's Host.
	PublicURL string
	// Refuse answers what has no answer.
	Refuse func(http.ResponseWriter, *http.Request, error)
	// Absent is the error of a plugin or publisher that the caller of ctx does not
	// see: the same whether it is there or not. Nil is that it is not found.
	Absent func(ctx context.Context, what string) error
	Log    *slog.Logger
}

// Feeds are all feeds of a site as an http.Handler under Path.
type Feeds struct {
	o       Options
	ledgers *lru.Cache[string, []Item]
	pages   *lru.Cache[string, page]
}

// keptPages is how many pages are remembered, each until the catalog changes.
const keptPages = 256

// New makes Feeds.
func New(o Options) *Feeds {
	if o.Absent == nil {
		o.Absent = func(_ context.Context, what string) error { return absent(what) }
	}
	f := &Feeds{o: o}
	f.ledgers, _ = lru.New[string, []Item](keptLedgers) // its error is a size below 1
	f.pages, _ = lru.New[string, page](keptPages)
	return f
}

func absent(what string) error {
	return index.NewProblem(index.CodeNotFound, "there is no feed of "+what, "the feed of the site is "+Path+"site"+atomEnding+"; pages of plugins link to theirs")
}

// A page is a body that is ready to be sent.
type page struct {
	generation int64
	body       []byte
	etag       string
	updated    time.Time
}

// ServeHTTP implements http.Handler.
func (f *Feeds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	p, mediaType, err := f.page(r)
	if err != nil {
		f.o.Refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Set("Vary", "Authorization, Cookie")
	h.Set("ETag", p.etag)
	h.Set("Last-Modified", p.updated.UTC().Format(http.TimeFormat))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if strings.Contains(r.Header.Get("If-None-Match"), p.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", mediaType+"; charset=utf-8")
	h.Set("Content-Length", fmt.Sprint(len(p.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(p.body)
	}
}

// page is what a request asks for.
func (f *Feeds) page(r *http.Request) (page, string, error) {
	s, ending, err := parsePath(r.URL.Path)
	if err != nil {
		return page{}, "", err
	}
	var after *cursor
	before := r.URL.Query().Get("before")
	if before != "" {
		c, err := parseCursor(before)
		if err != nil {
			return page{}, "", err
		}
		after = &c
	}
	gen, by, err := f.o.Catalog.Known(r.Context())
	if err != nil {
		return page{}, "", err
	}
	write, mediaType := atom, atomType
	if ending == jsonEnding {
		write, mediaType = jsonOf, jsonType
	}
	base := f.base(r)
	key := strings.Join([]string{by.Class, base, r.URL.Path, before}, " ")
	if p, ok := f.pages.Get(key); ok && by.Class != "" && p.generation == gen.Number {
		return p, mediaType, nil
	}
	g := &gatherer{scope: s, gen: gen, class: by.Class, ledgers: f.o.Ledgers, known: f.ledgers, log: f.o.Log}
	d, err := f.document(r.Context(), g, after)
	if err != nil {
		return page{}, "", err
	}
	d.base, d.question = base, before
	body, err := write(d)
	if err != nil {
		return page{}, "", err
	}
	sum := sha256.Sum256(body)
	p := page{gen.Number, body, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`, d.updated}
	f.pages.Add(key, p)
	return p, mediaType, nil
}

// document is the page of g's feed after a place; nil is the first.
func (f *Feeds) document(ctx context.Context, g *gatherer, after *cursor) (document, error) {
	d := describe(g.scope)
	if !g.there() {
		return d, f.o.Absent(ctx, g.scope.name())
	}
	limit := pageSize + 1
	if after != nil {
		limit = depth
	}
	all, err := g.items(ctx, limit)
	if err != nil {
		return d, err
	}
	d.isFirst, d.updated = after == nil, time.Unix(0, 0)
	if len(all) > 0 {
		d.updated = all[0].At
	}
	for _, i := range all {
		switch {
		case after != nil && !after.before(i):
		case len(d.items) == pageSize:
			d.next = d.items[pageSize-1].cursor()
			return d, nil
		default:
			d.items = append(d.items, i)
		}
	}
	return d, nil
}

// base is where the site is, as the URLs in a feed begin.
func (f *Feeds) base(r *http.Request) string {
	if f.o.PublicURL != "" {
		return strings.TrimSuffix(f.o.PublicURL, "/")
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}

// parsePath reads what a path asks for. Errors are *index.Problem.
func parsePath(path string) (s scope, ending string, err error) {
	rest := strings.TrimPrefix(path, Path)
	for _, e := range []string{atomEnding, jsonEnding} {
		if what, ok := strings.CutSuffix(rest, e); ok {
			rest, ending = what, e
		}
	}
	publisher, ofPublisher := strings.CutPrefix(rest, "publishers/")
	plugin, ofPlugin := strings.CutPrefix(rest, "plugins/")
	switch {
	case ending == "":
	case rest == "site":
		return scope{}, ending, nil
	case ofPublisher && artifact.CheckSegment(publisher) == nil:
		return scope{publisher: publisher}, ending, nil
	case ofPlugin:
		if id, ok := nameOf(plugin); ok {
			return scope{plugin: id}, ending, nil
		}
	}
	return s, "", index.NewProblem(index.CodeNotFound, fmt.Sprintf("%.200q is no feed", path),
		"feeds are "+Path+"site"+atomEnding+", "+
			Path+"publishers/PUBLISHER"+atomEnding+" and "+Path+"plugins/PUBLISHER/NAME"+atomEnding+"; "+jsonEnding+" gives JSON Feed")
}

// name is what a feed is about, for people.
func (s scope) name() string {
	switch {
	case !s.plugin.IsZero():
		return s.plugin.String()
	case s.publisher != "":
		return "publisher " + s.publisher
	}
	return "the site"
}

// describe is a feed without its items.
func describe(s scope) document {
	const what = "versions, and what was decided about them"
	switch {
	case !s.plugin.IsZero():
		id := s.plugin.String()
		return document{path: Path + "plugins/" + id, title: id, about: "New " + what + ".", home: "/plugins/" + id, author: s.plugin.Publisher()}
	case s.publisher != "":
		return document{path: Path + "publishers/" + s.publisher, title: "Plugins of " + s.publisher,
			about: "New " + what + ", of all plugins of " + s.publisher + ".",
			home:  "/publishers/" + s.publisher, author: s.publisher}
	}
	return document{path: Path + "site", title: "Plugins", about: "New " + what + ", of all plugins.", home: "/", author: "Oarlock"}
}

// there reports whether the reader may know of what the feed is about.
func (g *gatherer) there() bool {
	switch {
	case !g.scope.plugin.IsZero():
		return g.gen.Snapshot.Has(g.scope.plugin)
	case g.scope.publisher != "":
		for range g.gen.Snapshot.PluginsOf(g.scope.publisher) {
			return true
		}
		return false
	}
	return true
}
