package web

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/index"
)

// pageSize is how many plugins a page of a list shows.
const pageSize = "24"

// facetNames are the filters that stand beside a list, in this order.
var facetNames = []string{"category", "publisher", "license", "channel", "tier", "verified"}

// browseView is a list of plugins with what narrows it.
type browseView struct {
	Page    index.Page
	Q       url.Values // the question, as its URL says it
	Facets  []facet
	Filters []filter // those that are on
	Sorts   []choice
	Next    string // URL of the next page, or ""
	Front   bool   // nothing was asked: the front page
	Empty   bool   // the site holds no plugin at all
	Summary index.Summary
	Problem *index.Problem
	// Registry is the host that pushes go to.
	Registry string
}

type facet struct {
	Name   string
	Values []choice
	More   int // values that are not shown
}

// A choice is a value with the URL that takes or leaves it.
type choice struct {
	Value string
	Count int
	URL   string
	On    bool
}

type filter struct{ Name, Value, Off string }

// maxQuestion bounds the query of a list in bytes. Each link of its page repeats
// it, so that a page grows with its square.
const maxQuestion = 4096

// browse is the front page and every list: search, filters, order, paging.
func (s *Site) browse(c echo.Context) error {
	if n := len(c.Request().URL.RawQuery); n > maxQuestion {
		return index.NewProblem(index.CodeInvalid, fmt.Sprintf("the query has %d bytes, expected at most %d", n, maxQuestion), "leave out some of its filters")
	}
	q := c.QueryParams()
	v := browseView{Q: q, Front: len(q) == 0, Registry: s.registry(c.Request())}
	ask := hostOf(c.Request()).into(cloneValues(q))
	ask.Set("facets", strings.Join(facetNames, ","))
	ask.Set("limit", pageSize)
	if v.Front {
		ask.Set("sort", "updated")
	}
	var err error
	if v.Summary, err = s.Catalog.Summary(c.Request().Context()); err != nil {
		return err
	}
	status := 0
	if v.Page, err = s.Catalog.Search(c.Request().Context(), v.Registry, ask); err != nil {
		p := index.ProblemOf(err)
		if p.Status >= 500 || prefersJSON(c.Request()) {
			return err
		}
		v.Problem, status = p, p.Status
	}
	v.Empty = v.Summary.Plugins == 0 && v.Summary.Pending == 0 && v.Problem == nil
	v.Facets, v.Filters = facetsOf(v.Page, q), filtersOf(q)
	v.Sorts = sortsOf(q, v.Front)
	if v.Page.NextCursor != "" {
		next := cloneValues(q)
		next.Set("cursor", v.Page.NextCursor)
		v.Next = "/?" + next.Encode()
	}
	title := text("browse.title")
	if t := q.Get("q"); t != "" {
		title = text("browse.title_for", t)
	}
	return s.render(c, response{page: "browse", status: status, title: title, about: text("site.about"), stamp: v.Page.Stamp, words: v.Page, content: v})
}

// maxFacetShown is how many values of a filter are links at first.
const maxFacetShown = 10

func facetsOf(p index.Page, q url.Values) []facet {
	var out []facet
	for _, name := range facetNames {
		counts := p.Facets[name]
		values := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
			if counts[a] != counts[b] {
				return counts[b] - counts[a]
			}
			return strings.Compare(a, b)
		})
		f := facet{Name: name}
		for i, value := range values {
			on := slices.Contains(valuesOf(q, name), value)
			if i >= maxFacetShown && !on {
				f.More++
				continue
			}
			f.Values = append(f.Values, choice{value, counts[value], "/?" + toggled(q, name, value).Encode(), on})
		}
		if len(f.Values) > 1 || len(f.Values) == 1 && f.Values[0].On {
			out = append(out, f)
		}
	}
	return out
}

// valuesOf reads a filter that may be repeated or a comma list.
func valuesOf(q url.Values, name string) []string {
	var out []string
	for _, v := range q[name] {
		out = append(out, strings.Split(v, ",")...)
	}
	return out
}

// toggled is q with a value of a filter on or off, from its first page.
func toggled(q url.Values, name, value string) url.Values {
	out := cloneValues(q)
	out.Del("cursor")
	have := valuesOf(q, name)
	if i := slices.Index(have, value); i >= 0 {
		have = slices.Delete(have, i, i+1)
	} else if name == "verified" || name == "channel" {
		have = []string{value}
	} else {
		have = append(have, value)
	}
	out.Del(name)
	for _, v := range have {
		out.Add(name, v)
	}
	return out
}

func filtersOf(q url.Values) []filter {
	var out []filter
	for _, name := range append(slices.Clone(facetNames), "niche", "state", "source") {
		for _, value := range valuesOf(q, name) {
			if value != "" {
				out = append(out, filter{name, value, "/?" + toggled(q, name, value).Encode()})
			}
		}
	}
	return out
}

func sortsOf(q url.Values, front bool) []choice {
	now := q.Get("sort")
	switch {
	case now == "" && (front || q.Get("q") == ""):
		now = "name"
	case now == "":
		now = "relevance"
	}
	if front {
		now = "updated"
	}
	var out []choice
	for _, name := range []string{"relevance", "updated", "name"} {
		with := cloneValues(q)
		with.Set("sort", name)
		with.Del("cursor")
		out = append(out, choice{Value: name, URL: "/?" + with.Encode(), On: name == now})
	}
	return out
}

func cloneValues(q url.Values) url.Values {
	out := url.Values{}
	for k, v := range q {
		out[k] = slices.Clone(v)
	}
	return out
}
