package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// overviewView is the first page of the console.
type overviewView struct {
	Caller     index.Caller
	Namespaces []index.RoleHeld // one line a namespace
	Site       []string         // roles of the site
	Claim      form
	Accept     form
}

func (s *Site) overview(c echo.Context) error { return s.showOverview(c, form{}, form{}) }

func (s *Site) showOverview(c echo.Context, claim, accept form) error {
	v := overviewView{Claim: claim, Accept: accept}
	var err error
	if v.Caller, err = s.whoami(c); err != nil {
		return err
	}
	for _, r := range v.Caller.Roles {
		if r.Namespace == "" {
			v.Site = append(v.Site, r.Role)
		} else {
			v.Namespaces = append(v.Namespaces, r)
		}
	}
	slices.SortFunc(v.Namespaces, func(a, b index.RoleHeld) int { return strings.Compare(a.Namespace, b.Namespace) })
	return s.render(c, response{page: "overview", status: max(claim.statusOf(), accept.statusOf()), title: text("console.title"),
		section: "overview", words: v.Caller, content: v})
}

// claim makes the caller the owner of a namespace.
func (s *Site) claim(c echo.Context) error {
	err := s.ask(c, call{method: http.MethodPost, path: "/namespaces", body: map[string]any{"name": field(c, "name"), "private": field(c, "private") != ""}}, nil)
	p, err := refusedAct(err)
	switch {
	case err != nil:
		return err
	case p != nil:
		return s.showOverview(c, tried(c, "claim", p), form{})
	}
	return done(c, namespaceURL(field(c, "name")), "claimed")
}

// accept makes the caller a member of the namespace that an invitation names.
func (s *Site) accept(c echo.Context) error {
	err := s.ask(c, call{method: http.MethodPost, path: "/invitations/accept", body: map[string]any{"secret": field(c, "secret")}}, nil)
	p, err := refusedAct(err)
	switch {
	case err != nil:
		return err
	case p != nil:
		return s.showOverview(c, form{}, tried(c, "accept", p))
	}
	return done(c, consolePath, "accepted")
}
