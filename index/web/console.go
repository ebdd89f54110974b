package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// consolePath is where the pages for who is signed in begin.
const consolePath = "/console"

// loginPath is the page where people sign in.
const loginPath = "/login"

// AsksAPI reports whether the page at path asks the API in its reader's name, and is
// bounded as questions to the API are.
func AsksAPI(path string) bool {
	return path == consolePath || strings.HasPrefix(path, consolePath+"/")
}

// maxForm is the largest form that a page takes, in bytes.
const maxForm = 64 << 10

// A section is a part of the console, as its navigation shows it.
type section struct {
	Key, URL string
	On       bool
}

// sectionsOf are the parts of the console for a reader; now is the one that is
// shown. A part that comes later is one more line here.
func sectionsOf(r Reader, now string) []section {
	all := []section{{Key: "overview", URL: consolePath}, {Key: "tokens", URL: consolePath + "/tokens"},
		{Key: "audit", URL: consolePath + "/audit"}}
	if r.Site {
		all = append(all, section{Key: "site", URL: sitePath}, section{Key: "names", URL: sitePath + "/namespaces"},
			section{Key: "people", URL: sitePath + "/people"})
	}
	for i := range all {
		all[i].On = all[i].Key == now
	}
	return all
}

// consoleRoutes are the pages of who is signed in. Each form is refused where a
// page of another site sent it.
func (s *Site) consoleRoutes(e *echo.Echo) {
	e.GET(loginPath, s.login)
	g := e.Group(consolePath, s.signedIn)
	g.GET("", s.overview)
	g.GET("/tokens", s.tokens)
	g.GET("/namespaces/:namespace", s.namespace)
	g.GET("/plugins/:publisher/:name", s.manage)
	g.GET("/plugins/:publisher/:name/move", s.move)
	g.GET("/audit", s.audit)
	g.GET("/site", s.site)
	g.GET("/site/namespaces", s.names)
	g.GET("/site/people", s.people)
	forms := g.Group("", sameOrigin, readForm)
	forms.POST("/tokens", s.makeToken)
	forms.POST("/tokens/revoke", s.revokeToken)
	forms.POST("/namespaces", s.claim)
	forms.POST("/invitations", s.accept)
	forms.POST("/namespaces/:namespace/invite", s.invite)
	for act := range namespaceActs {
		forms.POST("/namespaces/:namespace/"+act, s.namespaceAct(act))
	}
	forms.POST("/plugins/:publisher/:name/promote", s.setChannel)
	forms.POST("/plugins/:publisher/:name/unpromote", s.removeChannel)
	forms.POST("/plugins/:publisher/:name/move", s.makeMove)
	forms.POST("/site/garbage", s.look)
	forms.POST("/site/people", s.addPerson)
	forms.POST("/site/people/disable", s.disablePerson)
	forms.POST("/site/people/token", s.tokenForPerson)
}

// signedIn lets nobody in particular to the page where people sign in.
func (s *Site) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set("Cache-Control", "private, no-cache")
		if s.Reader(c.Request().Context()).Name != "" {
			return next(c)
		}
		if prefersJSON(c.Request()) || c.Request().Method != http.MethodGet {
			return index.NewProblem(index.CodeUnauthorized, "this page is for who is signed in", "sign in at /login")
		}
		return c.Redirect(http.StatusSeeOther, loginPath+"?"+url.Values{"return_to": {c.Request().URL.RequestURI()}}.Encode())
	}
}

// whoami is who looks at the page.
func (s *Site) whoami(c echo.Context) (me index.Caller, err error) {
	return me, s.ask(c, call{method: http.MethodGet, path: "/whoami"}, &me)
}

// readForm refuses a form that is too long or none.
func readForm(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			return index.NewProblem(index.CodeInvalid, "the body is no form, or longer than 64 KiB", "open the page again and send less")
		}
		return next(c)
	}
}

// posted is the form in the body, and nothing of the URL.
func posted(c echo.Context) url.Values {
	return c.Request().PostForm //nolint:forbidigo // a field, and not the function that posts
}

// field is what a form says, without spaces around it.
func field(c echo.Context, name string) string {
	return strings.TrimSpace(posted(c).Get(name))
}

// done goes back to a page after an act, with the key of the sentence that says so.
func done(c echo.Context, to, what string) error {
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	return c.Redirect(http.StatusSeeOther, to+separator+url.Values{"done": {what}}.Encode())
}

// refusedAct is the problem of an act that its page shows above the form. What
// could not be told is no answer to a form, and goes on as it is.
func refusedAct(err error) (*index.Problem, error) {
	p := new(index.Problem)
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &p) && p.Status < http.StatusInternalServerError:
		return p, nil
	case errors.Is(err, artifact.ErrInvalid):
		return index.ProblemOf(err), nil
	}
	return nil, err
}

// A form is a page's form after it was refused: what was written into it, and why.
type form struct {
	Name    string // of several on one page
	Problem *index.Problem
	Values  url.Values
}

// Get is what was written into a field, else what stands there at first.
func (f form) Get(name, first string) string {
	if f.Values.Has(name) {
		return f.Values.Get(name)
	}
	return first
}

// in is f where it is the form of that name, and one that nobody filled else.
func (f form) in(name string) form {
	if f.Name == name {
		return f
	}
	return form{}
}

// tried is the form of c as it was sent, with what is wrong with it.
func tried(c echo.Context, name string, p *index.Problem) form {
	return form{Name: name, Problem: p, Values: posted(c)}
}

// statusOf is the status of a page with a form.
func (f form) statusOf() int {
	if f.Problem != nil {
		return f.Problem.Status
	}
	return http.StatusOK
}

// loginView is the page where people sign in.
type loginView struct {
	Provider string // path where a provider lets people in, or ""
	Refused  string // key of the sentence why the last try failed
	ReturnTo string
}

func (s *Site) login(c echo.Context) error {
	v := loginView{Provider: s.Login, ReturnTo: localPath(c.QueryParam("return_to"))}
	if v.ReturnTo == "/" {
		v.ReturnTo = consolePath
	}
	if why := c.QueryParam("refused"); known("login.refused."+why, "") != "" {
		v.Refused = why
	}
	if v.Provider != "" {
		v.Provider += "?" + url.Values{"return_to": {v.ReturnTo}}.Encode()
	}
	return s.render(c, response{page: "login", title: text("login.title"), content: v})
}
