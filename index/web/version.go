package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// versionView is the page of one version, listed or not.
type versionView struct {
	Detail   index.VersionDetail
	Notices  []index.Notice // of the version's state and of its plugin's
	Waits    []index.Reason // what a version that is not listed waits for; none of one that was withdrawn
	Registry string
	Server   string
}

func (s *Site) version(c echo.Context) error {
	id := c.Param("publisher") + "/" + c.Param("name")
	d, err := s.Catalog.Version(c.Request().Context(), s.registry(c.Request()), id, c.Param("version"))
	if err != nil {
		return err
	}
	v := versionView{Detail: d, Registry: s.registry(c.Request()), Server: s.server(c)}
	v.Notices, v.Waits = noticesOf(d)
	return s.render(c, response{page: "version", title: id + " " + d.Version.Version, stamp: d.Stamp, words: d, content: v, feed: "plugins/" + id})
}

// noticesOf are the notices of a version, and what it waits for where it was not
// withdrawn: what it waits for is no notice besides.
func noticesOf(d index.VersionDetail) (notices []index.Notice, waits []index.Reason) {
	if d.State != index.VersionActive || d.Pending == nil {
		return d.Notices, nil
	}
	return slices.DeleteFunc(slices.Clone(d.Notices), func(n index.Notice) bool { return n.Move == nil }), d.Pending.Reasons
}

// noticed is what a notice says after the word for its kind.
func noticed(n index.Notice) string {
	for _, before := range []string{"the plugin is ", "the version is ", "the version was "} {
		if rest, ok := strings.CutPrefix(n.Detail, before+n.Kind); ok {
			return strings.TrimLeft(rest, " :;,")
		}
	}
	return n.Detail
}

// compareView are two versions of a plugin and what differs.
type compareView struct {
	ID       string
	Versions []index.Version
	From, To index.Version
	Changes  Changes
	Ready    bool // two versions were chosen
}

func (s *Site) compare(c echo.Context) error {
	id := c.Param("publisher") + "/" + c.Param("name")
	d, err := s.Catalog.Plugin(c.Request().Context(), s.registry(c.Request()), id, url.Values{})
	if err != nil {
		return err
	}
	v := compareView{ID: d.ID, Versions: d.Versions}
	from, to := c.QueryParam("from"), c.QueryParam("to")
	if from != "" && to != "" {
		for _, want := range []string{from, to} {
			if versionOf(d, want).MediaType == "" {
				return index.NewProblem(index.CodeVersionNotFound, "plugin "+d.ID+" has no version "+want, "choose two of its versions")
			}
		}
		v.From, v.To, v.Ready = versionOf(d, from), versionOf(d, to), true
		v.Changes = changesOf(v.From, v.To)
	}
	return s.render(c, response{page: "compare", title: text("compare.title", d.ID), stamp: d.Stamp, content: v, feed: "plugins/" + d.ID})
}
