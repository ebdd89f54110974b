package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// Pages are the words that web pages are made of: what the routes of the same
// name answer with, for what the caller of ctx may know, from the generation
// that serves, or that the question names.
type Pages struct{ s *Server }

// Pages reads what s serves.
func (s *Server) Pages() Pages { return Pages{s} }

// Known is the newest generation as the caller of ctx may know it, and what that is.
func (p Pages) Known(ctx context.Context) (*catalog.Generation, catalog.Visibility, error) {
	by, err := p.s.visibility(ctx)
	if err != nil {
		return nil, by, err
	}
	gen, err := p.s.generation(context.WithValue(ctx, visibilityKey{}, by), 0)
	return gen, by, err
}

// Search lists plugins by the parameters of GET /api/v1/plugins.
func (p Pages) Search(ctx context.Context, registry string, question url.Values) (index.Page, error) {
	in, err := listParams(question)
	if err != nil {
		return index.Page{}, err
	}
	q, pinned, err := in.pinned(question)
	if err != nil {
		return index.Page{}, err
	}
	if _, err := p.s.aged(ctx, &q.Fit, in.MinimumAge); err != nil {
		return index.Page{}, err
	}
	gen, err := p.s.generation(ctx, pinned)
	if err != nil {
		return index.Page{}, err
	}
	q.Generation = gen.Number
	found, err := gen.Snapshot.Query(q, nil)
	if err != nil {
		return index.Page{}, catalog.ProblemOf(err)
	}
	return read{gen, registry, p.s.asker(ctx)}.page(found, q.Fit), nil
}

// Plugin shows one plugin as it fits the question.
func (p Pages) Plugin(ctx context.Context, registry, id string, question url.Values) (index.Detail, error) {
	name, err := nameOf(id)
	if err != nil {
		return index.Detail{}, err
	}
	in, err := hostParams(question)
	if err != nil {
		return index.Detail{}, err
	}
	fit, err := in.fit()
	if err == nil {
		_, err = p.s.aged(ctx, &fit, in.MinimumAge)
	}
	if err != nil {
		return index.Detail{}, err
	}
	gen, err := p.s.generation(ctx, in.Generation)
	if err != nil {
		return index.Detail{}, err
	}
	one, ok := gen.Snapshot.Plugin(name)
	if !ok {
		return index.Detail{}, noPlugin(gen.Snapshot, name)
	}
	v, err := p.s.detail(ctx, read{gen, registry, p.s.asker(ctx)}, one, fit)
	if kept, ok := v.(passing); ok {
		v = kept.v
	}
	d, _ := v.(index.Detail)
	return d, err
}

// Version shows one version.
func (p Pages) Version(ctx context.Context, registry, id, version string) (index.VersionDetail, error) {
	name, err := nameOf(id)
	if err != nil {
		return index.VersionDetail{}, err
	}
	in := versionInput{Version: version}
	wanted, err := in.wanted()
	if err != nil {
		return index.VersionDetail{}, err
	}
	gen, err := p.s.generation(ctx, 0)
	if err != nil {
		return index.VersionDetail{}, err
	}
	one, ok := gen.Snapshot.Plugin(name)
	if !ok {
		return index.VersionDetail{}, noPlugin(gen.Snapshot, name)
	}
	v, ok := one.At(wanted)
	if !ok {
		return index.VersionDetail{}, noVersion(one, wanted.String())
	}
	return read{gen, registry, p.s.asker(ctx)}.versionDetail(one, v), nil
}

// Why explains every version of a plugin.
func (p Pages) Why(ctx context.Context, id string, question url.Values) (index.Why, error) {
	name, err := nameOf(id)
	if err != nil {
		return index.Why{}, err
	}
	in, err := hostParams(question)
	if err != nil {
		return index.Why{}, err
	}
	fit, err := in.fit()
	if err == nil {
		_, err = p.s.aged(ctx, &fit, in.MinimumAge)
	}
	if err != nil {
		return index.Why{}, err
	}
	gen, err := p.s.generation(ctx, in.Generation)
	if err != nil {
		return index.Why{}, err
	}
	return whyAt(read{gen, "", p.s.asker(ctx)}, name, fit)
}

// Summary is the catalog in numbers.
func (p Pages) Summary(ctx context.Context) (index.Summary, error) {
	gen, err := p.s.generation(ctx, 0)
	if err != nil {
		return index.Summary{}, err
	}
	return p.s.summaryOf(gen, gen.At), nil
}

// PluginsOf are the plugins of a publisher, also those of which nothing is listed.
func (p Pages) PluginsOf(ctx context.Context, publisher string) ([]index.PluginHeld, error) {
	gen, err := p.s.generation(ctx, 0)
	if err != nil {
		return nil, err
	}
	out := []index.PluginHeld{}
	for one := range gen.Snapshot.PluginsOf(publisher) {
		held := index.PluginHeld{ID: one.ID.String(), State: one.State}
		for i := range one.Versions {
			switch v := &one.Versions[i]; {
			case v.Listed():
				held.Listed++
			case len(v.Pending) > 0:
				held.Waiting++
			}
		}
		out = append(out, held)
	}
	return out, nil
}

func nameOf(id string) (artifact.Name, error) {
	name, err := artifact.ParseName(id)
	if err != nil {
		return name, refusePlugin(err)
	}
	return name, nil
}

func hostParams(q url.Values) (HostParams, error) {
	in := HostParams{Host: q.Get("host"), HostVersion: q.Get("host_version"), Platform: q.Get("platform"),
		Channel: q.Get("channel"), MinimumAge: q.Get("minimum_age")}
	var err error
	if in.Prerelease, err = boolParam(q, "prerelease"); err == nil {
		in.Generation, err = numberParam(q, "generation")
	}
	return in, err
}

func boolParam(q url.Values, key string) (bool, error) {
	text := q.Get(key)
	if text == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, refuse(http.StatusBadRequest, codeInvalidParameter, key+": "+strconv.Quote(cut(text))+" came, expected true or false")
	}
	return v, nil
}

func numberParam(q url.Values, key string) (int64, error) {
	text := q.Get(key)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, refuse(http.StatusBadRequest, codeInvalidParameter, key+": "+strconv.Quote(cut(text))+" came, expected a number from 0")
	}
	return n, nil
}

func cut(s string) string {
	if len(s) > 40 {
		return s[:40]
	}
	return s
}

func listParams(q url.Values) (*ListParams, error) {
	host, err := hostParams(q)
	if err != nil {
		return nil, err
	}
	limit, err := numberParam(q, "limit")
	if err != nil {
		return nil, err
	}
	return &ListParams{HostParams: host, Q: q.Get("q"), Verified: q.Get("verified"), Source: q.Get("source"), Sort: q.Get("sort"),
		Limit: int(limit), Cursor: q.Get("cursor")}, nil
}
