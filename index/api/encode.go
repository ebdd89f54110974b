package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

func (r read) rows() catalog.RowEncoder { return catalog.RowEncoder{Host: r.host} }

func (r read) page(found catalog.Result, fit catalog.Fit) index.Page {
	page := index.Page{Stamp: r.gen.Stamp(), Total: found.Total, Items: make([]index.Row, 0, len(found.Items)), Facets: found.Facets, NextCursor: found.NextCursor}
	rows := r.rows()
	for _, hit := range found.Items {
		page.Items = append(page.Items, rows.EncodeRow(hit, fit))
	}
	return page
}

func (r read) versionDetail(p *catalog.Plugin, v *catalog.Version) index.VersionDetail {
	return index.VersionDetail{Stamp: r.gen.Stamp(), ID: p.ID.String(), Version: r.rows().EncodeVersion(p, v)}
}

// detail is p with the newest version that fits. One of which nothing fits is
// shown by its newest version where nothing was asked, and else not at all.
func (s *Server) detail(ctx context.Context, r read, p *catalog.Plugin, fit catalog.Fit) (index.Detail, error) {
	v, ok := r.gen.Snapshot.Newest(p.ID, fit)
	switch {
	case ok:
	case fit != catalog.Fit{} || len(p.Versions) == 0:
		return index.Detail{}, refuse(http.StatusNotFound, CodeNothingCompatible, fmt.Sprintf("plugin %q: no version fits", p.ID),
			fmt.Sprintf("GET /api/v1/plugins/%s/why says the reasons of each version", p.ID))
	default:
		v = &p.Versions[0]
	}
	readme := ""
	if v.Config != "" {
		config, err := s.Engine.Config(ctx, p.ID, v)
		if err != nil {
			return index.Detail{}, fmt.Errorf("plugin %q: readme: %w", p.ID, err)
		}
		readme = config.Readme
	}
	d := r.rows().EncodeDetail(catalog.Hit{Plugin: p, Version: v}, fit, readme)
	d.Stamp = r.gen.Stamp()
	return d, nil
}

func noPlugin(id artifact.Name) *index.Problem {
	return refuse(http.StatusNotFound, codePluginNotFound, fmt.Sprintf("plugin %q: nothing is known here under this name", id),
		"search with GET /api/v1/plugins?q="+id.Plugin())
}
