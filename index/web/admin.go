package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// sitePath is where the pages of who runs the site begin.
const sitePath = consolePath + "/site"

// siteView is how the site is.
type siteView struct {
	Ready   string // what /readyz says
	Well    bool
	Summary index.Summary
	Scrub   *index.ScrubStatus
	Blocks  []index.Block
	Keys    []index.PlatformKey
	Garbage []index.Garbage // of a look at what nothing reaches
	More    int             // of it that is not shown
	Looked  *index.Collection
	Problem *index.Problem
	Chart   []bar
}

// site shows how the site is. What its reader may not know is refused as a whole: a
// page with half of it would look like a healthy one.
func (s *Site) site(c echo.Context) error { return s.showSite(c, siteView{}) }

func (s *Site) showSite(c echo.Context, v siteView) error {
	var blocks index.BlockList
	if err := s.ask(c, call{method: http.MethodGet, path: "/admin/blocks"}, &blocks); err != nil {
		return err
	}
	v.Blocks, v.Scrub = blocks.Items, new(index.ScrubStatus)
	if err := s.ask(c, call{method: http.MethodGet, path: "/admin/scrub"}, v.Scrub); err != nil {
		return err
	}
	var err error
	if v.Summary, err = s.Catalog.Summary(c.Request().Context()); err != nil {
		return err
	}
	keys, err := maybe[index.PlatformKeyList](s, c, "/platform-keys")
	if err != nil {
		return err
	}
	if keys != nil {
		v.Keys = keys.Items
	}
	v.Ready, v.Well = s.readiness(c)
	v.Chart = bars(bar{Label: text("site.listed"), Value: v.Summary.Versions}, bar{Label: text("site.waiting"), Value: v.Summary.Pending})
	status := http.StatusOK
	if v.Problem != nil {
		status = v.Problem.Status
	}
	return s.render(c, response{page: "site", status: status, title: text("section.site"), section: "site", words: v.Summary, content: v})
}

// readiness is what the server says of itself to who balances load.
func (s *Site) readiness(c echo.Context) (says string, well bool) {
	raw, err := s.answer(c, call{method: http.MethodGet, path: "/readyz", root: true})
	if err != nil {
		return index.ProblemOf(err).Detail, false
	}
	says = strings.TrimSpace(string(raw))
	return says, says == "ok"
}

// maxGarbage is how many things a look at garbage shows.
const maxGarbage = 100

// look says what a collection would remove, and removes nothing.
func (s *Site) look(c echo.Context) error {
	v := siteView{}
	err := s.askLines(c, call{method: http.MethodPost, path: "/admin/gc", query: url.Values{"dry_run": {"true"}}}, func(raw []byte) error {
		var line index.CollectionLine
		if err := json.Unmarshal(raw, &line); err != nil {
			return err
		}
		switch {
		case line.Error != nil:
			return line.Error
		case line.Done:
			v.Looked = &line.Report
		case line.Decision == "keep":
		case len(v.Garbage) < maxGarbage:
			v.Garbage = append(v.Garbage, line.Garbage)
		default:
			v.More++
		}
		return nil
	})
	p, err := refusedAct(err)
	switch {
	case err != nil:
		return err
	case p != nil:
		v.Problem = p
	}
	return s.showSite(c, v)
}

// peopleView are the accounts of a site.
type peopleView struct {
	Items []index.Account
	Roles []string
	Made  *index.CreatedToken
	Form  form
}

// In is the refused form, where it is the one of that name.
func (v peopleView) In(name string) form { return v.Form.in(name) }

func (s *Site) people(c echo.Context) error { return s.showPeople(c, peopleView{}) }

func (s *Site) showPeople(c echo.Context, v peopleView) error {
	var list index.AccountList
	if err := s.ask(c, call{method: http.MethodGet, path: "/accounts"}, &list); err != nil {
		return err
	}
	v.Items, v.Roles = list.Items, []string{"", "operator", "reviewer", "admin"}
	if v.Made != nil {
		c.Response().Header().Set("Cache-Control", "no-store")
	}
	return s.render(c, response{page: "people", status: v.Form.statusOf(), title: text("section.people"), section: "people", words: list, content: v})
}

// addPerson makes an account.
func (s *Site) addPerson(c echo.Context) error {
	q := index.NewAccount{Name: field(c, "name")}
	if role := field(c, "role"); role != "" {
		q.Roles = []string{role}
	}
	return s.actOnPerson(c, "add", call{method: http.MethodPost, path: "/accounts", body: q})
}

// disablePerson ends an account, or lets it in again.
func (s *Site) disablePerson(c echo.Context) error {
	disabled := field(c, "disabled") == "true"
	return s.actOnPerson(c, "disable", call{method: http.MethodPatch, path: in("/accounts/", field(c, "principal")),
		body: index.AccountChange{Disabled: &disabled}})
}

func (s *Site) actOnPerson(c echo.Context, act string, q call) error {
	p, err := refusedAct(s.ask(c, q, nil))
	switch {
	case err != nil:
		return err
	case p != nil:
		return s.showPeople(c, peopleView{Form: tried(c, act, p)})
	}
	return done(c, sitePath+"/people", act)
}

// tokenForPerson makes a token for an account, and shows it this once.
func (s *Site) tokenForPerson(c echo.Context) error {
	v, made := peopleView{}, new(index.CreatedToken)
	p, err := refusedAct(s.ask(c, call{method: http.MethodPost, path: in("/accounts/", field(c, "principal"), "/tokens"),
		body: index.NewPersonalToken{Label: "first", ExpiresAt: s.Now().AddDate(0, 0, 7).UTC()}}, made))
	switch {
	case err != nil:
		return err
	case p != nil:
		v.Form = tried(c, "token", p)
	default:
		v.Made = made
	}
	return s.showPeople(c, v)
}

// namesView is a page of the namespaces of a site.
type namesView struct {
	Items []index.Namespace
	Next  string
}

func (s *Site) names(c echo.Context) error {
	q := url.Values{"limit": {"100"}}
	if cursor := c.QueryParam("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	var list index.NamespaceList
	if err := s.ask(c, call{method: http.MethodGet, path: "/namespaces", query: q}, &list); err != nil {
		return err
	}
	v := namesView{Items: list.Items}
	if list.NextCursor != "" {
		v.Next = sitePath + "/namespaces?" + url.Values{"cursor": {list.NextCursor}}.Encode()
	}
	return s.render(c, response{page: "names", title: text("section.names"), section: "names", words: list, content: v})
}
