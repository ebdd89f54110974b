package web

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// auditFields narrow the audit log, as the API names them.
var auditFields = []string{"namespace", "actor", "action", "resource"}

// auditView is a page of the audit log.
type auditView struct {
	Page       index.AuditPage
	Values     url.Values
	Namespaces []string // of the reader, who may read what was done to them
	Site       bool
	Next       string
	Problem    *index.Problem
}

// Get is what a field narrows by.
func (v auditView) Get(name string) string { return v.Values.Get(name) }

func (s *Site) audit(c echo.Context) error {
	v := auditView{Values: url.Values{}, Site: s.Reader(c.Request().Context()).Site}
	me, err := s.whoami(c)
	if err != nil {
		return err
	}
	for _, r := range me.Roles {
		if r.Namespace != "" && r.Role == "owner" {
			v.Namespaces = append(v.Namespaces, r.Namespace)
		}
	}
	for _, name := range append(auditFields, "before") {
		if value := c.QueryParam(name); value != "" {
			v.Values.Set(name, value)
		}
	}
	if !v.Site && v.Get("namespace") == "" && len(v.Namespaces) > 0 {
		v.Values.Set("namespace", v.Namespaces[0])
	}
	if v.Site || v.Get("namespace") != "" {
		q := url.Values{"limit": {"50"}}
		for name := range v.Values {
			q.Set(name, v.Get(name))
		}
		if v.Problem, err = refusedAct(s.ask(c, call{method: http.MethodGet, path: "/audit", query: q}, &v.Page)); err != nil {
			return err
		}
	}
	status := http.StatusOK
	if v.Problem != nil {
		status = v.Problem.Status
	}
	if v.Page.Next > 0 {
		next := cloneValues(v.Values)
		next.Set("before", strconv.FormatInt(v.Page.Next, 10))
		v.Next = consolePath + "/audit?" + next.Encode()
	}
	return s.render(c, response{page: "audit", status: status, title: text("audit.title"), section: "audit", words: v.Page, content: v})
}
