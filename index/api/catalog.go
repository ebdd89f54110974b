package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

// validFor is how long, at least, an answer about the catalog as a whole may be
// believed without asking again. It expires at the end of a day, so that the
// answer stays the same for as long.
const validFor = 24 * time.Hour

type pluginInput struct {
	NameParams
	HostParams
}

type versionInput struct {
	NameParams
	Version string `path:"version" doc:"SemVer of the version." example:"1.2.0"`
	GenerationParam
}

// wanted reads the version that a path names, as text or as a tag.
func (in *versionInput) wanted() (artifact.Version, error) {
	text := unescape(in.Version)
	v, err := artifact.ParseVersion(text)
	if err != nil {
		if v, err = artifact.ParseVersionTag(text); err != nil {
			return v, invalid(codeInvalidParameter, err)
		}
	}
	return v, nil
}

type summaryInput struct{ GenerationParam }

func (s *Server) catalogRoutes(a huma.API) {
	get := func(id, path, summary, long string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/api/v1" + path, Summary: summary, Description: long, Tags: []string{"catalog"}}
	}
	bad, gone, absent := http.StatusBadRequest, http.StatusGone, http.StatusNotFound
	huma.Register(a, answers[index.Page](a, get("plugins", "/plugins", "List plugins",
		"The plugins that fit the asking host, each with its newest version that fits. A plugin with none is not in the answer."), bad, gone), s.plugins)
	huma.Register(a, answers[index.Detail](a, get("plugin", "/plugins/{publisher}/{name}", "Show a plugin",
		"One plugin whole; version and digest are the newest that fits the question."), bad, absent, gone), s.plugin)
	huma.Register(a, answers[index.VersionDetail](a, get("version", "/plugins/{publisher}/{name}/versions/{version}", "Show a version",
		"One version, listed or not: what it waits for is in pending."), bad, absent, gone), s.version)
	huma.Register(a, answers[index.Why](a, get("why", "/plugins/{publisher}/{name}/why", "Explain an answer",
		"Says of every version whether it is in the answer to a question, and every reason where it is not."), bad, absent, gone), s.why)
	huma.Register(a, answers[index.Summary](a, get("catalog", "/catalog", "Sum up the catalog",
		"The catalog in numbers. Versions counts those that can be read, pending ones included."), bad, gone), s.summary)
}

func (s *Server) plugins(ctx context.Context, in *ListParams) (*huma.StreamResponse, error) {
	q, pinned, err := in.pinned(callOf(ctx).URL.Query())
	if err != nil {
		return nil, err
	}
	moment, err := s.aged(ctx, &q.Fit, in.MinimumAge)
	if err != nil {
		return nil, err
	}
	return s.answerAt(ctx, pinned, moment, func(r read) (any, error) {
		q.Generation = r.gen.Number
		found, err := r.gen.Snapshot.Query(q, nil)
		if err != nil {
			return nil, catalog.ProblemOf(err)
		}
		return r.page(found, q.Fit), nil
	})
}

// pinned is query with the generation that the question is about: the one that
// it names, or whose cursor it brings, or 0 for the newest.
func (in *ListParams) pinned(values url.Values) (catalog.Query, int64, error) {
	q, err := in.query(values)
	if err != nil || q.Cursor == "" {
		return q, in.Generation, err
	}
	n, err := catalog.CursorGeneration(q.Cursor)
	if err != nil {
		return q, 0, catalog.ProblemOf(err)
	}
	if in.Generation != 0 && in.Generation != n {
		return q, 0, refuse(http.StatusBadRequest, codeInvalidCursor, fmt.Sprintf("the cursor is of generation %d, generation=%d came", n, in.Generation), "leave generation out: the cursor holds on to it")
	}
	return q, n, nil
}

// query reads the parameters of a list.
func (in *ListParams) query(values url.Values) (catalog.Query, error) {
	return catalog.ParseQuery(index.Query{Host: in.Host, HostVersion: in.HostVersion, Platform: in.Platform, Channel: in.Channel, Prerelease: in.Prerelease,
		Text: in.Q, Source: in.Source, Sort: in.Sort, Limit: in.Limit, Cursor: in.Cursor,
		Verified: in.Verified, PublisherVerified: in.PublisherVerified}, values)
}

func (s *Server) plugin(ctx context.Context, in *pluginInput) (*huma.StreamResponse, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	fit, err := in.fit()
	if err != nil {
		return nil, err
	}
	moment, err := s.aged(ctx, &fit, in.MinimumAge)
	if err != nil {
		return nil, err
	}
	return s.answerAt(ctx, in.Generation, moment, func(r read) (any, error) {
		p, ok := r.gen.Snapshot.Plugin(id)
		if !ok {
			return nil, noPlugin(r.gen.Snapshot, id)
		}
		return s.detail(ctx, r, p, fit)
	})
}

func (s *Server) version(ctx context.Context, in *versionInput) (*huma.StreamResponse, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	v, err := in.wanted()
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, in.Generation, func(r read) (any, error) {
		p, ok := r.gen.Snapshot.Plugin(id)
		if !ok {
			return nil, noPlugin(r.gen.Snapshot, id)
		}
		found, ok := p.At(v)
		if !ok {
			return nil, noVersion(p, v.String())
		}
		return r.versionDetail(p, found), nil
	})
}

func (s *Server) why(ctx context.Context, in *pluginInput) (*huma.StreamResponse, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	fit, err := in.fit()
	if err != nil {
		return nil, err
	}
	moment, err := s.aged(ctx, &fit, in.MinimumAge)
	if err != nil {
		return nil, err
	}
	return s.answerAt(ctx, in.Generation, moment, func(r read) (any, error) {
		return whyAt(r, id, fit)
	})
}

func whyAt(r read, id artifact.Name, fit catalog.Fit) (index.Why, error) {
	p, ok := r.gen.Snapshot.Plugin(id)
	if !ok {
		return index.Why{}, noPlugin(r.gen.Snapshot, id)
	}
	if gone := p.Gone(); gone != nil {
		return index.Why{}, gone
	}
	versions, err := r.rows().Why(r.gen.Snapshot, id, fit)
	return index.Why{Stamp: r.gen.Stamp(), ID: id.String(), Versions: versions, Notices: p.Told(), MinimumAge: ageOf(fit)}, err
}

func (s *Server) summary(ctx context.Context, in *summaryInput) (*huma.StreamResponse, error) {
	day := s.Now().UTC().Truncate(validFor)
	gen, err := s.generation(ctx, in.Generation)
	if err != nil {
		return nil, err
	}
	_, signed, _ := s.signedAt(gen.Snapshot.Digest())
	return s.answerAt(ctx, in.Generation, day.String()+signed.String(), func(r read) (any, error) {
		sum := s.summaryOf(r.gen, day.Add(2*validFor))
		if made, expires, ok := s.signedAt(sum.CatalogDigest); ok {
			sum.GeneratedAt, sum.ExpiresAt = made.UTC(), expires.UTC()
		}
		return sum, nil
	})
}

func (s *Server) summaryOf(g *catalog.Generation, expires time.Time) index.Summary {
	return index.Summary{Stamp: g.Stamp(), GeneratedAt: g.At.UTC(), ExpiresAt: expires,
		Plugins: g.Snapshot.Present(), Versions: g.Snapshot.Versions(), Pending: g.Snapshot.Pending(), Hosts: s.hosts.of(g.Snapshot)}
}

func noVersion(p *catalog.Plugin, version string) *index.Problem {
	if gone := p.Gone(); gone != nil {
		return gone
	}
	var there []string
	for i := range p.Versions {
		if i == 10 {
			there = append(there, "…")
			break
		}
		there = append(there, p.Versions[i].Version.String())
	}
	return index.NewProblem(index.CodeVersionNotFound, fmt.Sprintf("plugin %q has no version %q", p.ID, version), "it has "+strings.Join(there, ", "))
}

// unescape reads a path segment that the router left as it came.
func unescape(s string) string {
	if t, err := url.PathUnescape(s); err == nil {
		return t
	}
	return s
}
