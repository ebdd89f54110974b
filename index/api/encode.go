package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/resolve"
)

func (r read) rows() catalog.RowEncoder { return catalog.RowEncoder{Host: r.host, Role: r.asker.role} }

func (r read) page(found catalog.Result, fit catalog.Fit) index.Page {
	page := index.Page{Stamp: r.gen.Stamp(), Total: found.Total, Items: make([]index.Row, 0, len(found.Items)),
		Facets: found.Facets, NextCursor: found.NextCursor, MinimumAge: ageOf(fit)}
	rows := r.rows()
	for _, hit := range found.Items {
		page.Items = append(page.Items, rows.EncodeRow(hit, fit))
	}
	return page
}

func (r read) versionDetail(p *catalog.Plugin, v *catalog.Version) index.VersionDetail {
	return index.VersionDetail{Stamp: r.gen.Stamp(), ID: p.ID.String(), Version: r.rows().EncodeVersion(p, v), Notices: p.Notices(v)}
}

// detail is p with the newest version that fits. A plugin that takes no new
// installs is still shown to those who have it, by its newest version.
func (s *Server) detail(ctx context.Context, r read, p *catalog.Plugin, fit catalog.Fit) (any, error) {
	v, ok := r.gen.Snapshot.Newest(p.ID, fit)
	if !ok {
		if v, ok = p.Shown(fit); !ok {
			return nil, nothingFits(p, fit)
		}
	}
	readme, err := "", error(nil)
	if r.rows().Whole(p, v) {
		readme, err = s.readme(ctx, p, v)
	}
	d := r.rows().EncodeDetail(catalog.Hit{Plugin: p, Version: v}, fit, readme)
	d.Stamp, d.MinimumAge = r.gen.Stamp(), ageOf(fit)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.Log.ErrorContext(ctx, "api: readme cannot be read", "request", requestID(ctx), "plugin", p.ID, "version", v.Version, "err", err)
		d.Notices = append(d.Notices, index.Notice{Kind: index.ReasonUnreadable, Detail: "the readme of this version cannot be read; the operator's log has the cause"})
		return passing{d}, nil
	}
	return d, nil
}

func (s *Server) readme(ctx context.Context, p *catalog.Plugin, v *catalog.Version) (string, error) {
	if v.Config == "" {
		return "", nil
	}
	config, err := s.Engine.Config(ctx, p.ID, v)
	if err != nil {
		return "", err
	}
	return config.Readme, nil
}

// passing is an answer that may be another one the next time, so that nobody
// keeps it.
type passing struct{ v any }

func nothingFits(p *catalog.Plugin, fit catalog.Fit) *index.Problem {
	if gone := p.Gone(); gone != nil {
		return gone
	}
	why := fmt.Sprintf("GET /api/v1/plugins/%s/why says the reasons of each version", p.ID)
	if (fit == catalog.Fit{}) {
		return refuse(http.StatusNotFound, codePluginNotFound, fmt.Sprintf("plugin %q: no version of it is listed", p.ID), why)
	}
	return refuse(http.StatusNotFound, index.CodeNothingCompatible, fmt.Sprintf("plugin %q: no version fits", p.ID), why)
}

func noPlugin(in *catalog.Snapshot, id artifact.Name) *index.Problem {
	return refuse(http.StatusNotFound, codePluginNotFound, fmt.Sprintf("plugin %q: nothing is known here under this name", id),
		resolve.Meant(in, id, "search with GET /api/v1/plugins?q="+id.Plugin())...)
}
