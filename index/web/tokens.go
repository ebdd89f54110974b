package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// tokensView are the credentials of the caller, or of a namespace.
type tokensView struct {
	Namespace string // "" for one's own
	Items     []index.Token
	Current   string // id of the credential that speaks
	Made      *index.CreatedToken
	Make      form
	Revoke    *index.Problem
	Kind      string // of what is made here
	Registry  string // host that a token logs in to
}

func (s *Site) tokens(c echo.Context) error {
	return s.showTokens(c, tokensView{Namespace: c.QueryParam("namespace")})
}

// tokensURL is the page of the tokens of a namespace, or of one's own.
func tokensURL(namespace string) string {
	if namespace == "" {
		return consolePath + "/tokens"
	}
	return consolePath + "/tokens?" + url.Values{"namespace": {namespace}}.Encode()
}

func (s *Site) showTokens(c echo.Context, v tokensView) error {
	me, err := s.whoami(c)
	if err != nil {
		return err
	}
	list, err := s.tokensOf(c, me, v.Namespace)
	if err != nil {
		return err
	}
	v.Items, v.Current, v.Kind, v.Registry = list.Items, me.Token, kindOfToken(me, v.Namespace), s.registry(c.Request())
	if v.Made != nil { // it is shown this once, and kept by nobody
		c.Response().Header().Set("Cache-Control", "no-store")
	}
	status := v.Make.statusOf()
	if v.Revoke != nil {
		status = v.Revoke.Status
	}
	return s.render(c, response{page: "tokens", status: status, title: text("tokens.title"), section: "tokens", words: list, content: v})
}

// tokensOf are the credentials of a namespace, or of the caller. Those that an admin
// of no account makes speak for the site, and are listed with it.
func (s *Site) tokensOf(c echo.Context, me index.Caller, namespace string) (list index.TokenList, err error) {
	questions := []url.Values{{"mine": {"true"}}}
	switch {
	case namespace != "":
		questions = []url.Values{{"namespace": {namespace}}}
	case me.Kind == "admin":
		questions = append(questions, url.Values{})
	}
	seen := map[string]bool{}
	list.Items = []index.Token{}
	for _, q := range questions {
		var some index.TokenList
		if err := s.ask(c, call{method: http.MethodGet, path: "/tokens", query: q}, &some); err != nil {
			return list, err
		}
		for _, one := range some.Items {
			if !seen[one.ID] {
				seen[one.ID] = true
				list.Items = append(list.Items, one)
			}
		}
	}
	return list, nil
}

// makeToken makes a credential, and shows its secret on the page that answers.
func (s *Site) makeToken(c echo.Context) error {
	v := tokensView{Namespace: field(c, "namespace")}
	days, err := strconv.Atoi(field(c, "days"))
	if err != nil || days < 1 {
		v.Make = tried(c, "make", index.NewProblem(index.CodeInvalid,
			"how many days the token is good for: "+strconv.Quote(cutText(field(c, "days")))+" came, expected a whole number from 1 to 366"))
		return s.showTokens(c, v)
	}
	me, err := s.whoami(c)
	if err != nil {
		return err
	}
	q := index.NewToken{Kind: kindOfToken(me, v.Namespace), Namespace: v.Namespace, Label: field(c, "label"), Scopes: strings.Fields(field(c, "scopes")),
		ExpiresAt: s.Now().Add(time.Duration(min(days, 10_000)) * 24 * time.Hour).UTC().Truncate(time.Second)}
	made := new(index.CreatedToken)
	p, err := refusedAct(s.ask(c, call{method: http.MethodPost, path: "/tokens", body: q}, made))
	switch {
	case err != nil:
		return err
	case p != nil:
		v.Make = tried(c, "make", p)
	default:
		v.Made = made
	}
	return s.showTokens(c, v)
}

// kindOfToken is what somebody makes for a namespace, or for themselves.
func kindOfToken(me index.Caller, namespace string) string {
	switch {
	case namespace != "":
		return "robot"
	case me.Kind == "admin":
		return "admin"
	}
	return "personal"
}

func (s *Site) revokeToken(c echo.Context) error {
	v := tokensView{Namespace: field(c, "namespace")}
	p, err := refusedAct(s.ask(c, call{method: http.MethodDelete, path: in("/tokens/", field(c, "id"))}, nil))
	switch {
	case err != nil:
		return err
	case p != nil:
		v.Revoke = p
		return s.showTokens(c, v)
	}
	return done(c, tokensURL(v.Namespace), "revoked")
}

// cutText is the beginning of what a form says, for a message about it.
func cutText(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
