package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// fail answers with the page of a problem, or the problem itself as JSON. A
// plugin that the reader may not know of and one that is not there are the
// same problem, byte for byte.
func (s *Site) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	p := problemOf(err)
	if p.Code == index.CodeInternal {
		s.Log.ErrorContext(c.Request().Context(), "web: page cannot be made", "path", c.Request().URL.Path, "err", err)
	}
	if prefersJSON(c.Request()) {
		body, err := encode(p)
		if err == nil {
			err = c.Blob(p.Status, "application/problem+json", body)
		}
		if err != nil {
			s.Log.ErrorContext(c.Request().Context(), "web: problem cannot be written", "err", err)
		}
		return
	}
	err = s.render(c, response{page: "problem", status: p.Status, title: p.Title, content: p})
	if err != nil {
		s.Log.ErrorContext(c.Request().Context(), "web: page of a problem cannot be made", "err", err)
	}
}

func problemOf(err error) *index.Problem {
	if he := new(echo.HTTPError); errors.As(err, &he) {
		switch he.Code {
		case http.StatusNotFound:
			return index.NewProblem(index.CodeNotFound, "there is no such page", "start at /")
		case http.StatusMethodNotAllowed:
			p := index.NewProblem(index.CodeInvalid, "this page does not take that method", "open it with GET")
			p.Status = he.Code
			return p
		}
	}
	return index.ProblemOf(err)
}
