package web

import (
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// memberRoles are those of a namespace, from the one that may least.
var memberRoles = []string{"reader", "publisher", "maintainer", "owner"}

// namespaceView is the page of a namespace for its members.
type namespaceView struct {
	Detail    index.NamespaceDetail
	Usage     *index.Usage     // nil where the reader may not know it
	Publisher *index.Publisher // nil where there is no ledger to read
	Plugins   []index.PluginHeld
	Owner     bool // the forms of owners are shown; the API decides
	Roles     []string
	Invited   *index.Invitation
	Form      form
}

// In is the refused form, where it is the one of that name.
func (v namespaceView) In(name string) form { return v.Form.in(name) }

func namespaceURL(name string) string { return consolePath + "/namespaces/" + url.PathEscape(name) }

func (s *Site) namespace(c echo.Context) error { return s.showNamespace(c, namespaceView{}) }

func (s *Site) showNamespace(c echo.Context, v namespaceView) error {
	name := c.Param("namespace")
	if err := s.ask(c, call{method: http.MethodGet, path: in("/namespaces/", name)}, &v.Detail); err != nil {
		return err
	}
	me, err := s.whoami(c)
	if err != nil {
		return err
	}
	for _, r := range me.Roles {
		v.Owner = v.Owner || r.Role == "owner" && r.Namespace == name || r.Role == "admin" && r.Namespace == ""
	}
	if v.Usage, err = maybe[index.Usage](s, c, in("/namespaces/", name, "/usage")); err != nil {
		return err
	}
	if v.Publisher, err = maybe[index.Publisher](s, c, in("/publishers/", name)); err != nil {
		return err
	}
	if s.Held != nil {
		if v.Plugins, err = s.Held.PluginsOf(c.Request().Context(), name); err != nil {
			return err
		}
	}
	v.Roles = memberRoles
	if v.Invited != nil {
		c.Response().Header().Set("Cache-Control", "no-store")
	}
	return s.render(c, response{page: "namespace", status: v.Form.statusOf(), title: name, section: "overview", words: v.Detail, content: v})
}

// maybe asks for what a page can be without: nil where the API refuses it to the
// reader or has none.
func maybe[T any](s *Site, c echo.Context, path string) (*T, error) {
	out := new(T)
	p, err := refusedAct(s.ask(c, call{method: http.MethodGet, path: path}, out))
	if err != nil || p != nil {
		return nil, err
	}
	return out, nil
}

// namespaceActs are the forms of the page of a namespace, by the end of their path:
// what each asks of the API.
var namespaceActs = map[string]func(c echo.Context, name string) call{
	"members": func(c echo.Context, name string) call {
		return call{method: http.MethodPut, path: in("/namespaces/", name, "/members/", field(c, "principal")), body: map[string]any{"role": field(c, "role")}}
	},
	"remove": func(c echo.Context, name string) call {
		return call{method: http.MethodDelete, path: in("/namespaces/", name, "/members/", field(c, "principal"))}
	},
	"settings": func(c echo.Context, name string) call {
		return call{method: http.MethodPatch, path: in("/namespaces/", name),
			body: map[string]any{"private": field(c, "private") != "", "publishing": field(c, "publishing")}}
	},
	"keys": func(c echo.Context, name string) call {
		return call{method: http.MethodPost, path: in("/publishers/", name, "/keys"), body: map[string]any{"name": field(c, "name"), "pem": field(c, "pem") + "\n"}}
	},
	"revoke": func(c echo.Context, name string) call {
		return call{method: http.MethodPost, path: in("/publishers/", name, "/keys/", field(c, "id"), "/revoke"), body: map[string]any{"reason": field(c, "reason")}}
	},
}

// namespaceAct does one of them, and shows the page again.
func (s *Site) namespaceAct(act string) echo.HandlerFunc {
	ask := namespaceActs[act]
	return func(c echo.Context) error {
		name := c.Param("namespace")
		p, err := refusedAct(s.ask(c, ask(c, name), nil))
		switch {
		case err != nil:
			return err
		case p != nil:
			return s.showNamespace(c, namespaceView{Form: tried(c, act, p)})
		}
		return done(c, namespaceURL(name), act)
	}
}

// invite makes an invitation, and shows its secret on the page that answers.
func (s *Site) invite(c echo.Context) error {
	v, made := namespaceView{}, new(index.Invitation)
	p, err := refusedAct(s.ask(c, call{method: http.MethodPost, path: in("/namespaces/", c.Param("namespace"), "/invitations"),
		body: index.NewInvitation{Role: field(c, "role"), Email: field(c, "email")}}, made))
	switch {
	case err != nil:
		return err
	case p != nil:
		v.Form = tried(c, "invite", p)
	default:
		v.Invited = made
	}
	return s.showNamespace(c, v)
}
