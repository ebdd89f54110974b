package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// The codes that only the HTTP API has, next to those of index.
const (
	codeInvalidParameter = index.CodeInvalidParameter
	codeUnknownParameter = "unknown_parameter"
	codeInvalidCursor    = index.CodeInvalidCursor
	codeInvalidBody      = "invalid_body"
	codePluginNotFound   = "plugin_not_found"
	codeRouteNotFound    = "route_not_found"
	codeMethodNotAllowed = "method_not_allowed"
	codeBodyTooLarge     = "body_too_large"
	codeMediaType        = "unsupported_media_type"
	codeRefused          = "refused"
	// codeGenerationUnknown is a generation that is yet to come.
	codeGenerationUnknown = "generation_unknown"
)

const problemType = "application/problem+json"

// A problem is an index.Problem on its way out of huma.
type problem struct{ index.Problem }

// GetStatus is the HTTP status.
func (p *problem) GetStatus() int { return p.Status }

// ContentType is that of RFC 9457.
func (p *problem) ContentType(string) string { return problemType }

func refuse(status int, code, detail string, fixes ...string) *index.Problem {
	return &index.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Code: code, Fixes: fixes}
}

func invalid(code string, err error, fixes ...string) *index.Problem {
	return refuse(http.StatusBadRequest, code, sayable(err), fixes...)
}

// sayable is err without the kind at its end, which the code says already.
func sayable(err error) string {
	text := err.Error()
	for _, kind := range []error{artifact.ErrInvalid, artifact.ErrNotFound} {
		text = strings.TrimSuffix(text, ": "+kind.Error())
	}
	return short(text, maxSpokenLines*maxSpokenLine)
}

// huma keeps one maker of errors per process: all servers here speak the same.
func init() {
	huma.NewErrorWithContext = func(c huma.Context, status int, msg string, errs ...error) huma.StatusError {
		ctx := context.Background()
		if c != nil {
			ctx = c.Context()
		}
		if status == http.StatusInternalServerError && len(errs) == 1 {
			return &problem{*asProblem(ctx, errs[0])}
		}
		p := *asked(status, msg, errs)
		p.RequestID = requestID(ctx)
		return &problem{p}
	}
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return huma.NewErrorWithContext(nil, status, msg, errs...)
	}
}

// asked says what huma found wrong with the request.
func asked(status int, msg string, errs []error) *index.Problem {
	var lines []string
	code := codeInvalidBody
	for _, err := range errs {
		var p *index.Problem
		if errors.As(err, &p) {
			return p
		}
		var d *huma.ErrorDetail
		if !errors.As(err, &d) {
			lines = append(lines, err.Error())
			continue
		}
		line := d.Message
		if d.Location != "" {
			line = d.Location + ": " + line
		}
		if s, ok := d.Value.(string); ok && s != "" {
			line += fmt.Sprintf(", %.80q came", s)
		}
		lines = append(lines, line)
		if strings.HasPrefix(d.Location, "query.") || strings.HasPrefix(d.Location, "path.") {
			code = codeInvalidParameter
			if d.Message == "unknown query parameter" {
				code = codeUnknownParameter
			}
		}
	}
	switch status {
	case http.StatusUnprocessableEntity:
		status = http.StatusBadRequest
	case http.StatusRequestEntityTooLarge:
		code = codeBodyTooLarge
	case http.StatusUnsupportedMediaType:
		code = codeMediaType
	}
	return refuse(status, code, cmp.Or(spoken(lines), msg), "the parameters and bodies are described at /api/docs")
}

// What one problem says at most, however much is wrong with a request.
const (
	maxSpokenLines = 16
	maxSpokenLine  = 300 // bytes
)

// spoken joins what is wrong with a request, the first of it.
func spoken(lines []string) string {
	more := len(lines) - maxSpokenLines
	lines = lines[:min(len(lines), maxSpokenLines)]
	for i, line := range lines {
		lines[i] = short(line, maxSpokenLine)
	}
	text := strings.Join(lines, "; ")
	if more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}

// short shortens text to most bytes.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// asProblem translates err; what has no kind goes to the log with its chain.
func asProblem(ctx context.Context, err error) *index.Problem {
	var spoken *huma.ErrorDetail
	if errors.As(err, &spoken) {
		p := *asked(http.StatusBadRequest, spoken.Message, []error{spoken})
		p.RequestID = requestID(ctx)
		return &p
	}
	p, r := *index.ProblemOf(err), requestOf(ctx)
	p.RequestID = r.id
	if p.Status < 500 || p.Code != index.CodeInternal {
		return &p
	}
	var away interface{ Away() string }
	if errors.As(err, &away) {
		p = *index.NewProblem(index.CodeUnavailable, away.Away(), "ask again soon; /readyz says when, and oarlock's log has the cause")
		p.RequestID = r.id
		if ctx.Err() == nil {
			r.log.ErrorContext(ctx, "api: "+away.Away(), "request", r.id, "err", err)
		}
		return &p
	}
	p.Detail = "internal error, request " + r.id
	p.Fixes = []string{"tell the operator the request id; the log has the cause"}
	if ctx.Err() == nil {
		r.log.ErrorContext(ctx, "api: internal error", "request", r.id, "err", err)
	}
	return &p
}

// writeProblem answers what no typed handler answered.
func writeProblem(w http.ResponseWriter, known *index.Problem) {
	p := *known
	if p.RequestID == "" {
		p.RequestID = w.Header().Get(index.RequestIDHeader)
	}
	body, err := encode(&p)
	if err != nil {
		body = []byte(`{"type":"about:blank","title":"Internal error","status":500,"detail":"internal error","code":"internal"}`)
	}
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(body)
}

// fail is echo's error handler: routes that are not there, methods that are
// not served, and what handlers outside of huma return.
func fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	r := c.Request()
	var he *echo.HTTPError
	var p *index.Problem
	switch {
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		p = refuse(he.Code, codeRouteNotFound, fmt.Sprintf("there is nothing at %.200q", r.URL.Path), "what there is stands at /api/docs; the registry is at /v2/")
	case errors.As(err, &he) && he.Code == http.StatusMethodNotAllowed:
		allow, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
		p = refuse(he.Code, codeMethodNotAllowed, fmt.Sprintf("%s is not served at %.200q", r.Method, r.URL.Path), "use "+allow)
	case errors.As(err, &he) && he.Code < 500:
		p = refuse(he.Code, codeRefused, fmt.Sprint(he.Message))
	default:
		p = asProblem(r.Context(), err)
	}
	writeProblem(c.Response(), p)
}
