package web

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// manageView is the page of a plugin for who looks after it.
type manageView struct {
	ID        string
	Namespace string
	Versions  []managedVersion
	Listed    []string // versions that a channel may point to
	Channels  []index.Channel
	Lifecycle *index.Lifecycle // nil where the server keeps no ledgers
	Choices   []index.Choice   // of the plugin, that are legal now
	Registry  string
	Warnings  []string // of the move that was just made
	Form      form
}

// In is the refused form, where it is the one of that name.
func (v manageView) In(name string) form { return v.Form.in(name) }

// A managedVersion is one version, and what keeps it from being listed.
type managedVersion struct {
	index.WhyVersion
	Channels []string
	Yanked   bool
}

// A wait is a reason that somebody can do something about.
type wait struct {
	index.Reason
	Fix     string // key of the sentence what to do, or ""
	Command string // to paste, or ""
}

// Waits are the reasons why v is not listed.
func (v managedVersion) Waits() (out []index.Reason) {
	for _, r := range v.Reasons {
		if r.Code != index.ReasonOlder && r.Code != index.ReasonPrerelease {
			out = append(out, r)
		}
	}
	return out
}

func manageURL(c echo.Context) string {
	return consolePath + "/plugins/" + url.PathEscape(c.Param("publisher")) + "/" + url.PathEscape(c.Param("name"))
}

// pluginAPI is the path of the API of the plugin that a page is about.
func pluginAPI(c echo.Context, rest ...string) string {
	return in(append([]string{"/plugins/", c.Param("publisher"), "/", c.Param("name")}, rest...)...)
}

func (s *Site) manage(c echo.Context) error { return s.showManaged(c, manageView{}) }

func (s *Site) showManaged(c echo.Context, v manageView) error {
	var why index.Why
	if err := s.ask(c, call{method: http.MethodGet, path: pluginAPI(c, "/why"), query: url.Values{"prerelease": {"true"}}}, &why); err != nil {
		return err
	}
	var channels index.ChannelList
	if err := s.ask(c, call{method: http.MethodGet, path: pluginAPI(c, "/channels"), query: url.Values{"limit": {"500"}}}, &channels); err != nil {
		return err
	}
	var err error
	if v.Lifecycle, err = maybe[index.Lifecycle](s, c, pluginAPI(c, "/lifecycle")); err != nil {
		return err
	}
	v.ID, v.Namespace, v.Channels, v.Registry = c.Param("publisher")+"/"+c.Param("name"), c.Param("publisher"), channels.Items, s.registry(c.Request())
	for _, one := range why.Versions {
		m := managedVersion{WhyVersion: one}
		for _, ch := range channels.Items {
			if ch.Version == one.Version {
				m.Channels = append(m.Channels, ch.Channel)
			}
		}
		m.Yanked = slices.ContainsFunc(one.Reasons, func(r index.Reason) bool { return r.Code == index.ReasonYanked })
		if len(m.Waits()) == 0 {
			v.Listed = append(v.Listed, one.Version)
		}
		v.Versions = append(v.Versions, m)
	}
	if v.Lifecycle != nil {
		v.Choices = slices.DeleteFunc(index.Offered(v.Lifecycle.Choices), func(one index.Choice) bool { return ofVersion(one.Move) || one.Move == index.MoveDelete })
	}
	return s.render(c, response{page: "manage", status: v.Form.statusOf(), title: v.ID, section: "overview", stamp: why.Stamp, words: why, content: v})
}

// May reports whether the reader may make a move now.
func (v manageView) May(move string) bool {
	return v.Lifecycle != nil && slices.ContainsFunc(v.Lifecycle.Choices, func(one index.Choice) bool { return one.Move == move && one.May })
}

// WaitsOf are the reasons why a version is not listed, with what to do.
func (v manageView) WaitsOf(m managedVersion) (out []wait) {
	for _, r := range m.Waits() {
		w := wait{Reason: r}
		if known("fix."+r.Code, "") != "" {
			w.Fix = "fix." + r.Code
		}
		switch r.Code {
		case index.ReasonNoTrust, index.ReasonUnsigned, index.ReasonSignatureUnknown, index.ReasonSignatureInvalid:
			w.Command = "oarlock sign " + v.Registry + "/" + v.ID + "@" + m.Digest.String() + " --key cosign.key"
		}
		out = append(out, w)
	}
	return out
}

func ofVersion(move string) bool { return move == index.MoveYank || move == index.MoveUnyank }

// setChannel points a channel at a version.
func (s *Site) setChannel(c echo.Context) error {
	return s.changeChannel(c, "promote", call{method: http.MethodPost, path: pluginAPI(c, "/channels/", field(c, "channel")),
		body: map[string]any{"version": field(c, "version")}})
}

// removeChannel takes one away.
func (s *Site) removeChannel(c echo.Context) error {
	return s.changeChannel(c, "unpromote", call{method: http.MethodDelete, path: pluginAPI(c, "/channels/", field(c, "channel"))})
}

func (s *Site) changeChannel(c echo.Context, act string, q call) error {
	p, err := refusedAct(s.ask(c, q, nil))
	switch {
	case err != nil:
		return err
	case p != nil:
		return s.showManaged(c, manageView{Form: tried(c, act, p)})
	}
	return done(c, manageURL(c), act)
}

// moveView is the page that says what follows from a move before it is made.
type moveView struct {
	ID, Move, Version string
	State             index.PluginState
	Reasons           []string
	Existing          []string
	NeedsReason       bool
	Back              string
	Form              form
}

// moveReasons are the codes of the closed list, in the order in which people need them.
var moveReasons = []string{"superseded", "discontinued", "abandoned", "broken", "maintenance", "vulnerability",
	"security_review", "malware", "legal", "license", "by_request"}

func (s *Site) move(c echo.Context) error {
	return s.showMove(c, moveView{Move: c.QueryParam("move"), Version: c.QueryParam("version")})
}

func (s *Site) showMove(c echo.Context, v moveView) error {
	if known("after."+v.Move, "") == "" || ofVersion(v.Move) != (v.Version != "") {
		return index.NewProblem(index.CodeInvalid, "there is no such move", "choose one on the page of the plugin")
	}
	var at index.Lifecycle
	if err := s.ask(c, call{method: http.MethodGet, path: pluginAPI(c, "/lifecycle")}, &at); err != nil {
		return err
	}
	v.ID, v.State, v.Reasons, v.Existing, v.Back = at.ID, at.State, moveReasons, []string{"keep", "stop"}, manageURL(c)
	switch v.Move {
	case index.MoveUndeprecate, index.MoveResume, index.MoveRestore, index.MoveUnyank:
	default:
		v.NeedsReason = true
	}
	return s.render(c, response{page: "move", status: v.Form.statusOf(), title: text("move.title", v.ID), section: "overview", words: at, content: v})
}

// makeMove makes it.
func (s *Site) makeMove(c echo.Context) error {
	v := moveView{Move: field(c, "move"), Version: field(c, "version")}
	q, p := moveCall(c, v)
	var after index.Lifecycle
	if p == nil {
		var err error
		if p, err = refusedAct(s.ask(c, q, &after)); err != nil {
			return err
		}
	}
	switch {
	case p != nil:
		v.Form = tried(c, "move", p)
		return s.showMove(c, v)
	case len(after.Warnings) > 0:
		return s.showManaged(c, manageView{Warnings: after.Warnings})
	}
	return done(c, manageURL(c), "moved")
}

// moveCall is what the form of a move asks of the API.
func moveCall(c echo.Context, v moveView) (call, *index.Problem) {
	if ofVersion(v.Move) {
		return call{method: http.MethodPost, path: pluginAPI(c, "/versions/", v.Version, "/"+v.Move),
			body: index.VersionMove{Reason: field(c, "reason"), Text: field(c, "text")}}, nil
	}
	m := index.NewMove{Move: v.Move, Reason: field(c, "reason"), Text: field(c, "text"),
		Replacement: field(c, "replacement"), Guide: field(c, "guide"), Existing: field(c, "existing")}
	var p *index.Problem
	if m.EndOfLife, p = day(c, "end_of_life"); p == nil {
		m.Until, p = day(c, "until")
	}
	return call{method: http.MethodPost, path: pluginAPI(c, "/lifecycle"), body: m}, p
}

// day is the beginning of a day that a form names, nil where it names none.
func day(c echo.Context, name string) (*time.Time, *index.Problem) {
	value := field(c, name)
	if value == "" {
		return nil, nil
	}
	at, err := time.Parse(time.DateOnly, value)
	if err != nil {
		return nil, index.NewProblem(index.CodeInvalid, "the date "+cutText(value)+" came, expected one such as 2026-12-31")
	}
	return &at, nil
}
