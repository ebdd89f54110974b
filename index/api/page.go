package api

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

//go:embed page.html
var pageHTML string

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// frontPage is what the front page shows: the catalog in numbers and one page
// of a search over it.
type frontPage struct {
	Version                        string
	Dev                            bool
	Summary                        index.Summary
	Q, Host, HostVersion, Platform string
	Problem                        string
	Total                          int
	Rows                           []index.Row
	Registry                       string
}

func (s *Server) pageRoutes() {
	s.echo.GET("/", func(c echo.Context) error {
		v, err := s.frontPage(c)
		if err != nil {
			return err
		}
		var buf bytes.Buffer
		if err := pageTemplate.Execute(&buf, v); err != nil {
			return err
		}
		status := http.StatusOK
		if v.Problem != "" {
			status = http.StatusBadRequest
		}
		c.Response().Header().Set("Content-Security-Policy", pageCSP)
		c.Response().Header()["Cache-Control"], c.Response().Header()["Vary"] = noCache, varyReader
		if personal(c.Request()) {
			c.Response().Header()["Cache-Control"] = ownNoCache
		}
		return c.HTMLBlob(status, buf.Bytes())
	})
}

func (s *Server) frontPage(c echo.Context) (frontPage, error) {
	gen, err := s.seen(c.Request().Context(), s.Live.Current())
	if err != nil {
		return frontPage{}, err
	}
	host := s.hostOf(c.Request())
	v := frontPage{Version: s.Version, Dev: s.Dev, Summary: summaryOf(gen, gen.At), Registry: host,
		Q: c.QueryParam("q"), Host: c.QueryParam("host"), HostVersion: c.QueryParam("host_version"), Platform: c.QueryParam("platform")}
	in := ListParams{HostParams: HostParams{Host: v.Host, HostVersion: v.HostVersion, Platform: v.Platform}, Q: v.Q}
	q, err := in.query(nil)
	if err == nil {
		var found catalog.Result
		if found, err = gen.Snapshot.Query(q, nil); err == nil {
			page := read{gen, host}.page(found, q.Fit)
			v.Total, v.Rows = page.Total, page.Items
		}
	}
	if err != nil {
		v.Problem = "the question cannot be understood"
		var p *index.Problem
		if errors.As(queryProblem(err), &p) {
			v.Problem = p.Detail
		}
	}
	return v, nil
}
