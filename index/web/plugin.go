package web

import (
	"context"
	"errors"
	"html/template"
	"maps"
	"net/url"
	"slices"

	"github.com/labstack/echo/v4"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// pluginView is the page of one plugin.
type pluginView struct {
	Detail index.Detail
	// Shown is the version that the page speaks of: the newest that fits.
	Shown index.Version
	// Fits is whether Shown fits the reader's host; Misfit says why nothing does.
	Fits     bool
	Misfit   *index.Problem
	Why      []index.WhyVersion // only where the reader chose a host
	Before   *index.Version     // the listed version before Shown
	Changes  Changes            // from Before to Shown
	Readme   template.HTML
	ReadMore bool // the readme was cut
	Engines  []engineRow
	Hosts    []string       // columns of the compatibility table
	Choices  []index.Choice // the moves that are legal now
	Registry string
	Server   string
}

// An engineRow says for one version which versions of each host it runs on.
type engineRow struct {
	Version index.Version
	Ranges  []string // one for each host, "" where the version does not name it
}

func (s *Site) plugin(c echo.Context) error {
	id := c.Param("publisher") + "/" + c.Param("name")
	d, misfit, err := s.detail(c, id)
	if err != nil {
		return err
	}
	v := pluginView{Detail: d, Misfit: misfit, Fits: misfit == nil, Registry: s.registry(c.Request()), Server: s.server(c)}
	v.Shown = versionOf(d, d.Version)
	if before, ok := listedBefore(d.Versions, v.Shown.Version); ok {
		v.Before, v.Changes = &before, changesOf(before, v.Shown)
	}
	if host := hostOf(c.Request()); host.Chosen() {
		why, err := s.Catalog.Why(c.Request().Context(), id, host.into(url.Values{}))
		if err != nil {
			return err
		}
		v.Why = why.Versions
	}
	v.Choices = s.choices(c.Request().Context(), id)
	v.Readme, v.ReadMore = markdown(d.Readme, c.QueryParam("readme") == "all")
	v.Hosts, v.Engines = compatibility(d.Versions)
	return s.render(c, response{page: "plugin", title: d.Name, about: d.Description, stamp: d.Stamp, words: d, content: v, feed: "plugins/" + d.ID})
}

// choices are the moves of a plugin that are legal now; none where that cannot be
// told, which keeps nobody from reading the rest of the page.
func (s *Site) choices(ctx context.Context, id string) []index.Choice {
	if s.Lifecycles == nil {
		return nil
	}
	name, err := artifact.ParseName(id)
	if err != nil {
		return nil
	}
	at, err := s.Lifecycles.Lifecycle(ctx, name)
	if err != nil {
		s.Log.WarnContext(ctx, "page without the moves of a plugin", "plugin", id, "error", err)
		return nil
	}
	return index.Offered(at.Choices)
}

// detail is the plugin as it fits the reader's host; where no version fits, as
// it is, with the problem that says so.
func (s *Site) detail(c echo.Context, id string) (index.Detail, *index.Problem, error) {
	ctx, registry := c.Request().Context(), s.registry(c.Request())
	d, err := s.Catalog.Plugin(ctx, registry, id, hostOf(c.Request()).into(url.Values{}))
	if err == nil || prefersJSON(c.Request()) || !hostOf(c.Request()).Chosen() {
		return d, nil, err
	}
	p := new(index.Problem)
	if !errors.As(err, &p) || p.Status >= 500 {
		return d, nil, err
	}
	d, err = s.Catalog.Plugin(ctx, registry, id, url.Values{})
	return d, p, err
}

// server is the URL that command lines name.
func (s *Site) server(c echo.Context) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return c.Scheme() + "://" + c.Request().Host
}

func versionOf(d index.Detail, version string) index.Version {
	for _, v := range d.Versions {
		if v.Version == version {
			return v
		}
	}
	return index.Version{Version: d.Version, Digest: d.Digest, Reference: d.Reference, Signature: d.Signature}
}

// listedBefore is the newest listed version below version; versions come
// newest first.
func listedBefore(versions []index.Version, version string) (index.Version, bool) {
	i := slices.IndexFunc(versions, func(v index.Version) bool { return v.Version == version })
	if i < 0 {
		return index.Version{}, false
	}
	for _, v := range versions[i+1:] {
		if v.Pending == nil {
			return v, true
		}
	}
	return index.Version{}, false
}

// compatibility is the table of host versions, one row a version.
func compatibility(versions []index.Version) (hosts []string, rows []engineRow) {
	all := map[string]bool{}
	for _, v := range versions {
		for host := range v.Engines {
			all[host] = true
		}
	}
	hosts = slices.Sorted(maps.Keys(all))
	for _, v := range versions {
		row := engineRow{Version: v}
		for _, host := range hosts {
			row.Ranges = append(row.Ranges, v.Engines[host])
		}
		rows = append(rows, row)
	}
	return hosts, rows
}
