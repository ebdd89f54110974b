package web

import (
	"mime"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"
)

// asset is a file of the pages. Its URL carries the build, so it may be kept
// for ever; one of another build is answered with what is there now.
func (s *Site) asset(c echo.Context) error {
	name := path.Base(c.Param("*"))
	raw, err := files.ReadFile("assets/" + name)
	if err != nil {
		return echo.ErrNotFound
	}
	kind := mime.TypeByExtension(path.Ext(name))
	if kind == "" {
		kind = "application/octet-stream"
	}
	h := c.Response().Header()
	h.Set("Cache-Control", "no-cache")
	if c.QueryParam("b") == s.build {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	return c.Blob(http.StatusOK, kind, raw)
}
