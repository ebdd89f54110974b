package web

import (
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// publisherView are the plugins of one publisher.
type publisherView struct {
	Publisher string
	Verified  bool
	Page      index.Page
	Next      string
}

func (s *Site) publisher(c echo.Context) error {
	name := c.Param("publisher")
	q := hostOf(c.Request()).into(url.Values{"publisher": {name}, "sort": {"name"}, "limit": {pageSize}})
	if cursor := c.QueryParam("cursor"); cursor != "" {
		q.Set("cursor", cursor)
	}
	p, err := s.Catalog.Search(c.Request().Context(), s.registry(c.Request()), q)
	if err != nil {
		return err
	}
	if p.Total == 0 && !hostOf(c.Request()).Chosen() {
		return index.NewProblem(index.CodeNotFound, "no plugin of this publisher is listed here", "search at /")
	}
	v := publisherView{Publisher: name, Page: p}
	if len(p.Items) > 0 {
		v.Verified = p.Items[0].VerifiedPublisher
	}
	if p.NextCursor != "" {
		v.Next = "/publishers/" + url.PathEscape(name) + "?" + url.Values{"cursor": {p.NextCursor}}.Encode()
	}
	return s.render(c, response{page: "publisher", title: name, stamp: p.Stamp, words: p, content: v, feed: "publishers/" + name})
}

// publishersView are all publishers with the number of their plugins.
type publishersView struct{ Publishers []choice }

func (s *Site) publishers(c echo.Context) error {
	p, err := s.Catalog.Search(c.Request().Context(), s.registry(c.Request()), url.Values{"facets": {"publisher"}, "limit": {"1"}})
	if err != nil {
		return err
	}
	var v publishersView
	for _, name := range sortedKeys(p.Facets["publisher"]) {
		v.Publishers = append(v.Publishers, choice{Value: name, Count: p.Facets["publisher"][name], URL: "/publishers/" + url.PathEscape(name)})
	}
	return s.render(c, response{page: "publishers", title: text("publishers.title"), stamp: p.Stamp, words: p.Facets, content: v})
}
