package signed

import (
	"context"
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/resolve"
)

func (c *Catalog) rows() catalog.RowEncoder { return catalog.RowEncoder{Host: c.o.Registry} }

// at is what may be answered from, as long as generation, where one is asked
// for, is that one: a signed catalog has no other.
func (c *Catalog) at(generation int64) (*trustedCatalog, error) {
	at, err := c.now()
	switch {
	case err != nil:
		return nil, err
	case generation > at.status.Generation:
		return nil, problem(http.StatusNotFound, codeGenerationUnknown, fmt.Sprintf("generation %d: the newest is %d", generation, at.status.Generation), "ask again without generation")
	case generation != 0 && generation != at.status.Generation:
		return nil, index.NewProblem(index.CodeGenerationGone, fmt.Sprintf("generation %d: the signed catalog is of generation %d alone", generation, at.status.Generation),
			"ask again without generation, and without cursor")
	}
	return at, nil
}

// Search implements client.Catalog.
func (c *Catalog) Search(_ context.Context, q index.Query) (*index.Page, error) {
	asked, err := queryOf(q)
	if err != nil {
		return nil, err
	}
	if q.Cursor != "" && q.Generation == 0 {
		if q.Generation, err = catalog.CursorGeneration(q.Cursor); err != nil {
			return nil, catalog.ProblemOf(err)
		}
	}
	at, err := c.at(q.Generation)
	if err != nil {
		return nil, err
	}
	asked.Generation = at.status.Generation
	found, err := at.snapshot.Query(asked, nil)
	if err != nil {
		return nil, catalog.ProblemOf(err)
	}
	page := &index.Page{Stamp: at.stamp(), Total: found.Total, Items: make([]index.Row, 0, len(found.Items)), Facets: found.Facets, NextCursor: found.NextCursor}
	for _, hit := range found.Items {
		page.Items = append(page.Items, c.rows().EncodeRow(hit, asked.Fit))
	}
	return page, nil
}

// Show implements client.Catalog. The readme is read from the registry that
// holds the plugin; where it cannot be, a notice says so.
func (c *Catalog) Show(ctx context.Context, id artifact.Name, q index.Query) (*index.Detail, error) {
	fit, err := fitOf(q)
	if err != nil {
		return nil, err
	}
	at, err := c.at(q.Generation)
	if err != nil {
		return nil, err
	}
	p, ok := at.snapshot.Plugin(id)
	if !ok {
		return nil, noPlugin(at.snapshot, id)
	}
	v, ok := at.snapshot.Newest(id, fit)
	if !ok {
		if v, ok = p.Shown(fit); !ok {
			return nil, nothingFits(p, fit)
		}
	}
	readme, err := "", error(nil)
	if c.rows().Whole(p, v) {
		readme, err = c.readme(ctx, p, v)
	}
	d := c.rows().EncodeDetail(catalog.Hit{Plugin: p, Version: v}, fit, readme)
	d.Stamp = at.stamp()
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d.Notices = append(d.Notices, index.Notice{Kind: index.ReasonUnreadable, Detail: "the readme of this version cannot be read: " + err.Error()})
	}
	return &d, nil
}

func (c *Catalog) readme(ctx context.Context, p *catalog.Plugin, v *catalog.Version) (string, error) {
	if v.Config == "" || c.o.Config == nil {
		return "", nil
	}
	config, err := c.o.Config(ctx, p.ID, v.Config)
	if err != nil {
		return "", err
	}
	return config.Readme, nil
}

// Version implements client.Catalog.
func (c *Catalog) Version(_ context.Context, id artifact.Name, v artifact.Version) (*index.VersionDetail, error) {
	at, err := c.now()
	if err != nil {
		return nil, err
	}
	p, ok := at.snapshot.Plugin(id)
	if !ok {
		return nil, noPlugin(at.snapshot, id)
	}
	found, ok := p.At(v)
	if gone := p.Gone(); !ok && gone != nil {
		return nil, gone
	}
	if !ok {
		return nil, index.NewProblem(index.CodeVersionNotFound, fmt.Sprintf("plugin %q has no version %q", id, v), "oarlock show "+id.String()+" lists those that there are")
	}
	return &index.VersionDetail{Stamp: at.stamp(), ID: id.String(), Version: c.rows().EncodeVersion(p, found), Notices: p.Notices(found)}, nil
}

// Why implements client.Catalog.
func (c *Catalog) Why(_ context.Context, id artifact.Name, q index.Query) (*index.Why, error) {
	fit, err := fitOf(q)
	if err != nil {
		return nil, err
	}
	at, err := c.at(q.Generation)
	if err != nil {
		return nil, err
	}
	p, ok := at.snapshot.Plugin(id)
	if !ok {
		return nil, noPlugin(at.snapshot, id)
	}
	if gone := p.Gone(); gone != nil {
		return nil, gone
	}
	versions, err := c.rows().Why(at.snapshot, id, fit)
	return &index.Why{Stamp: at.stamp(), ID: id.String(), Versions: versions, Notices: p.Told()}, err
}

// Resolve implements client.Catalog with the solver that the server has.
func (c *Catalog) Resolve(ctx context.Context, r index.ResolveRequest) (*index.Resolution, error) {
	fit, err := fitOf(index.Query{Host: r.Host.ID, HostVersion: r.Host.Version, Platform: r.Platform,
		Channel: r.Channel, Prerelease: r.Prerelease, MinimumAge: r.MinimumAge})
	if err != nil {
		return nil, err
	}
	request, err := resolve.ParseRequest(r)
	if err != nil {
		return nil, invalid(codeInvalidBody, err)
	}
	at, err := c.now()
	if err != nil {
		return nil, err
	}
	wanted := make([]artifact.Name, len(request.Wants))
	for i, w := range request.Wants {
		wanted[i] = w.ID
		if _, ok := at.snapshot.Plugin(w.ID); !ok {
			return nil, noPlugin(at.snapshot, w.ID)
		}
	}
	chosen, err := resolve.Resolve(ctx, resolve.Over(at.snapshot, fit, wanted...), request)
	if err != nil {
		return nil, err
	}
	out := resolve.Answer(at.stamp(), c.o.Registry, chosen)
	return &out, nil
}

func noPlugin(in *catalog.Snapshot, id artifact.Name) *index.Problem {
	return problem(http.StatusNotFound, codePluginNotFound, fmt.Sprintf("plugin %q: nothing is known here under this name", id),
		resolve.Meant(in, id, "oarlock search "+id.Plugin())...)
}

func nothingFits(p *catalog.Plugin, fit catalog.Fit) *index.Problem {
	if gone := p.Gone(); gone != nil {
		return gone
	}
	why := "oarlock why " + p.ID.String() + " says the reasons of each version"
	if (fit == catalog.Fit{}) {
		return problem(http.StatusNotFound, codePluginNotFound, fmt.Sprintf("plugin %q: no version of it is listed", p.ID), why)
	}
	return problem(http.StatusNotFound, codeNothingCompatible, fmt.Sprintf("plugin %q: no version fits", p.ID), why)
}
