package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// maxAnswer bounds what a page reads of an answer of the API, in bytes.
const maxAnswer = 8 << 20

var errLongAnswer = errors.New("the answer of the API is longer than a page shows")

// A call asks the HTTP API in this process, as its clients do over the network and
// in the name of who looks at the page: whoever may do something on a page is who may do it by the
// API, and all that stands before a route stands before its page.
type call struct {
	method, path string
	query        url.Values
	body         any  // nil sends none
	root         bool // the path is not below /api/v1
}

// ask decodes the answer to q into out, where that is not nil. What the API refuses
// is its *index.Problem.
func (s *Site) ask(c echo.Context, q call, out any) error {
	raw, err := s.answer(c, q)
	if err != nil || out == nil || len(raw) == 0 {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("answer to %s %s: %w", q.method, q.path, err)
	}
	return nil
}

// askLines gives every line of a stream of JSON objects to line.
func (s *Site) askLines(c echo.Context, q call, line func(raw []byte) error) error {
	raw, err := s.answer(c, q)
	if err != nil {
		return err
	}
	for one := range bytes.Lines(raw) {
		if one = bytes.TrimSpace(one); len(one) == 0 {
			continue
		}
		if err := line(one); err != nil {
			return fmt.Errorf("answer to %s %s: %w", q.method, q.path, err)
		}
	}
	return nil
}

func (s *Site) answer(c echo.Context, q call) ([]byte, error) {
	if s.API == nil {
		return nil, index.NewProblem(index.CodeNotFound, "this server has no pages for who is signed in", "start at /")
	}
	r, err := s.request(c, q)
	if err != nil {
		return nil, err
	}
	a := &answer{header: http.Header{}, status: http.StatusOK}
	s.API.ServeHTTP(a, r)
	switch {
	case a.long:
		return nil, errLongAnswer
	case a.status < http.StatusMultipleChoices:
		return a.body.Bytes(), nil
	}
	p := new(index.Problem)
	if err := json.Unmarshal(a.body.Bytes(), p); err != nil || p.Code == "" {
		return nil, fmt.Errorf("answer to %s %s: status %d without a problem", q.method, q.path, a.status)
	}
	return nil, p
}

// request is q in the name of who asked for the page: its context says who that is.
func (s *Site) request(c echo.Context, q call) (*http.Request, error) {
	target := "/api/v1" + q.path
	if q.root {
		target = q.path
	}
	if len(q.query) > 0 {
		target += "?" + q.query.Encode()
	}
	var body bytes.Buffer
	if q.body != nil {
		if err := json.NewEncoder(&body).Encode(q.body); err != nil {
			return nil, err
		}
	}
	from := c.Request()
	r, err := http.NewRequestWithContext(from.Context(), q.method, target, &body)
	if err != nil {
		return nil, index.NewProblem(index.CodeInvalid, "this cannot be a name", "follow a link instead of writing an address")
	}
	r.Host, r.RemoteAddr, r.RequestURI = from.Host, from.RemoteAddr, target
	r.Header.Set("Accept", "application/json")
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, nil
}

// answer keeps what a handler answers.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
	long   bool // more came than maxAnswer
}

// Header implements http.ResponseWriter.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *answer) Write(p []byte) (int, error) {
	if a.body.Len()+len(p) > maxAnswer {
		a.long = true
		return 0, errLongAnswer
	}
	return a.body.Write(p)
}

// in is a path of the API with what a reader chose in it.
func in(parts ...string) string {
	var b strings.Builder
	for i, p := range parts {
		if i%2 == 1 {
			p = url.PathEscape(p)
		}
		b.WriteString(p)
	}
	return b.String()
}
