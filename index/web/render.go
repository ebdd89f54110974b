package web

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// A page is a parsed template with its layout.
type page struct{ whole *template.Template }

// view is what the layout of every page shows; Content is the page's own.
type view struct {
	Title, Description string
	Path               string // of the request, with its question
	Text               string // that is searched for
	Reader             Reader
	SignIn             bool
	Host               Host
	Hosts              []index.HostNamed
	Version            string
	AnyoneIsAdmin      bool
	Build              string
	Now                time.Time
	Stamp              index.Stamp
	Feed               string // path of the feed of what is shown, without its ending
	Content            any
	Sections           []section // of the console; nil elsewhere
	Done               string    // key of the sentence that says what was just done
}

func parseTemplates() map[string]*page {
	entries, err := files.ReadDir("templates")
	if err != nil {
		panic(err) // the files are part of the program
	}
	base := template.Must(template.New("layout.html").Funcs(functions).ParseFS(files, "templates/layout.html", "templates/components.html"))
	out := map[string]*page{}
	for _, e := range entries {
		switch name := e.Name(); name {
		case "layout.html", "components.html":
		default:
			t := template.Must(template.Must(base.Clone()).ParseFS(files, path.Join("templates", name)))
			out[strings.TrimSuffix(name, ".html")] = &page{t}
		}
	}
	return out
}

// A response is one page before it is written.
type response struct {
	page    string
	status  int // 0 is 200
	title   string
	about   string // a sentence for search engines and previews
	stamp   index.Stamp
	words   any    // what a client that prefers JSON gets
	content any    // what the template shows
	feed    string // of what is shown, below /feeds/; "" is the site's
	section string // of the console; "" elsewhere
}

// mayBeKept says who may keep the answer: nobody without asking again, since what
// somebody may know of changes, and shared caches nothing that is for the sender.
func mayBeKept(c echo.Context) {
	h := c.Response().Header()
	h.Set("Vary", "Accept, Accept-Encoding, Authorization, Cookie")
	if h.Get("Cache-Control") != "" { // the page said so itself
		return
	}
	h.Set("Cache-Control", "no-cache")
	if c.Request().Header.Get("Authorization") != "" || c.Request().Header.Get("Cookie") != "" {
		h.Set("Cache-Control", "private, no-cache")
	}
}

// feeds is where feeds are.
const feeds = "/feeds/"

// render writes r as HTML, or its words as JSON where the client prefers that.
// Nothing is written before the page is whole.
func (s *Site) render(c echo.Context, r response) error {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	mayBeKept(c)
	if r.words != nil && prefersJSON(c.Request()) {
		body, err := encode(r.words)
		if err != nil {
			return err
		}
		return s.send(c, r, "application/json", body)
	}
	summary, err := s.Catalog.Summary(c.Request().Context())
	if err != nil && r.status == http.StatusOK {
		return err
	}
	v := view{Title: r.title, Description: r.about, Path: c.Request().URL.RequestURI(), Text: c.QueryParam("q"),
		Reader: s.Reader(c.Request().Context()), SignIn: s.API != nil, Host: hostOf(c.Request()), Hosts: summary.Hosts,
		Version: s.Version, AnyoneIsAdmin: s.AnyoneIsAdmin, Build: s.build, Now: s.Now(), Stamp: r.stamp, Content: r.content,
		Feed: feeds + cmp.Or(r.feed, "site")}
	if r.section != "" {
		v.Sections = sectionsOf(v.Reader, r.section)
	}
	if what := c.QueryParam("done"); known("done."+what, "") != "" {
		v.Done = "done." + what
	}
	var buf bytes.Buffer
	if err := s.templates[r.page].whole.ExecuteTemplate(&buf, "layout.html", v); err != nil {
		return fmt.Errorf("page %s: %w", r.page, err)
	}
	return s.send(c, r, echo.MIMETextHTMLCharsetUTF8, buf.Bytes())
}

// send writes body, or 304 where the client has it.
func (s *Site) send(c echo.Context, r response, mediaType string, body []byte) error {
	if r.status == http.StatusOK {
		sum := sha256.Sum256(body)
		etag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		c.Response().Header().Set("Etag", etag)
		if strings.Contains(c.Request().Header.Get("If-None-Match"), strings.TrimPrefix(etag, "W/")) {
			return c.NoContent(http.StatusNotModified)
		}
	}
	return c.Blob(r.status, mediaType, body)
}

func encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return buf.Bytes(), err
}

// prefersJSON reports whether r names JSON before it names HTML.
func prefersJSON(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		media, _, _ := strings.Cut(part, ";")
		switch media = strings.TrimSpace(media); {
		case media == "text/html" || media == "application/xhtml+xml":
			return false
		case media == "application/json" || strings.HasSuffix(media, "+json"):
			return true
		}
	}
	return false
}
