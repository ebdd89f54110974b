package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/artifact"
	format "github.com/oarlock/oarlock/artifact/ledger"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/policy/ledger"
)

// Ledgers are what is known of the ledgers of plugins.
type Ledgers interface {
	Ledger(ref format.Ref) ledger.State
	// PluginLedgers are those of the plugins that want lets through.
	PluginLedgers(want func(artifact.Name) bool) map[artifact.Name]ledger.State
}

type endsInput struct {
	Publisher string `query:"publisher" doc:"Only plugins of this publisher." example:"acme"`
	After     string `query:"after" doc:"The page begins after the plugin with this id."`
	Limit     int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	GenerationParam
}

type endInput struct {
	NameParams
	GenerationParam
}

func (s *Server) openeoxRoutes(a huma.API) {
	op := func(id, path, summary, long string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodGet, Path: "/api/v1" + path, Summary: summary, Description: long, Tags: []string{"lifecycle"},
			Middlewares: huma.Middlewares{s.withLedgers}}
	}
	bad, absent, gone := http.StatusBadRequest, http.StatusNotFound, http.StatusGone
	huma.Register(a, answers[index.EndOfLife](a, op("plugin-end-of-life", "/plugins/{publisher}/{name}/openeox", "Show until when a plugin is looked after",
		"A document of OpenEoX Core 1.0, computed from the plugin's ledger, "+
			"so that a mirror of it says the same."), bad, absent, gone, http.StatusServiceUnavailable), s.pluginEnd)
	huma.Register(a, answers[index.EndOfLifePage](a, op("end-of-life", "/openeox", "List until when plugins are looked after",
		"Documents of OpenEoX Core 1.0, of all plugins of the site or of a publisher about which something was stated."), bad, absent, gone), s.ends)
}

func (s *Server) pluginEnd(ctx context.Context, in *endInput) (*huma.StreamResponse, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, in.Generation, func(r read) (any, error) {
		p, ok := r.gen.Snapshot.Plugin(id)
		if !ok {
			return nil, noPlugin(r.gen.Snapshot, id)
		}
		end := endOf(p, s.Ledgers.Ledger(format.OfPlugin(id)).At)
		if end == nil {
			return nil, index.NewProblem(index.CodeUnavailable, id.String()+": "+endUnknown, "ask again later; oarlock why says what is wrong with the ledger")
		}
		return *end, nil
	})
}

// endUnknown is said of a plugin whose ledger does not hold.
const endUnknown = "its ledger could not be read, so until when it is looked after is not known"

func (s *Server) ends(ctx context.Context, in *endsInput) (*huma.StreamResponse, error) {
	if in.Publisher != "" {
		if err := artifact.CheckSegment(in.Publisher); err != nil {
			return nil, invalid(codeInvalidParameter, err)
		}
	}
	return s.answer(ctx, in.Generation, func(r read) (any, error) {
		stated := s.Ledgers.PluginLedgers(func(id artifact.Name) bool {
			return id.String() > in.After && (in.Publisher == "" || id.Publisher() == in.Publisher) && r.gen.Snapshot.Has(id)
		})
		page := index.EndOfLifePage{Items: []index.PluginEnd{}}
		for _, id := range slices.SortedFunc(maps.Keys(stated), func(a, b artifact.Name) int { return strings.Compare(a.String(), b.String()) }) {
			if len(page.Items) == in.Limit {
				page.Next = page.Items[in.Limit-1].ID
				break
			}
			p, _ := r.gen.Snapshot.Plugin(id)
			one := index.PluginEnd{ID: id.String(), Publisher: id.Publisher(), Core: endOf(p, stated[id].At)}
			if one.Core == nil {
				one.Problem = endUnknown
			}
			page.Items = append(page.Items, one)
		}
		return page, nil
	})
}

// endOf is until when a plugin is looked after, of which something was stated last at
// a time, zero for never; nil is that its ledger could not be read.
func endOf(p *catalog.Plugin, stated time.Time) *index.EndOfLife {
	if p.Standing().Unknown {
		return nil
	}
	out := &index.EndOfLife{Schema: index.OpenEoXCore, EndOfLife: index.ToBeAnnounced, EndOfFixes: index.ToBeAnnounced}
	var end time.Time
	for _, m := range p.Moves {
		if m.EndOfLife != nil {
			end = m.EndOfLife.UTC()
			out.EndOfLife = end.Format(time.RFC3339)
			out.EndOfFixes = out.EndOfLife
			break
		}
	}
	if !p.Installable() && len(p.Moves) > 0 {
		at := p.Moves[0].At.UTC()
		if !end.IsZero() && at.After(end) { // no time in a document is after the end of life
			at = end
		}
		out.EndOfSales = at.Format(time.RFC3339)
	}
	out.LastUpdated = cmp.Or(stated, lastCame(p), time.Unix(0, 0)).UTC().Format(time.RFC3339)
	return out
}

// lastCame is when the newest version of a plugin was made, as far as it says so.
func lastCame(p *catalog.Plugin) (at time.Time) {
	for i := range p.Versions {
		if v := p.Versions[i].Plugin; v != nil && v.Created != nil && v.Created.After(at) {
			at = *v.Created
		}
	}
	return at
}

// withLedgers answers 404 on a server that keeps no ledgers.
func (s *Server) withLedgers(c huma.Context, next func(huma.Context)) {
	if s.Ledgers != nil {
		next(c)
		return
	}
	writeProblem(humaecho.Unwrap(c).Response(), refuse(http.StatusNotFound, codeRouteNotFound, "this server keeps no ledgers"))
}
