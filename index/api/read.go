package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
	"github.com/oarlock/oarlock/index/lifecycle/table"
)

// A read is one question to one generation.
type read struct {
	gen   *catalog.Generation
	host  string // of references
	asker *asker
}

// An asker is who reads, and remembers where that made a difference.
type asker struct {
	ctx   context.Context
	s     *Server
	roles []byte
}

func (s *Server) asker(ctx context.Context) *asker { return &asker{ctx: ctx, s: s} }

// role is the reader's towards a plugin; what could not be told shows least.
func (a *asker) role(id artifact.Name) table.Role {
	role := table.Anonymous
	if a.s.Role != nil {
		var err error
		if role, err = a.s.Role(a.ctx, id); err != nil {
			a.s.Log.ErrorContext(a.ctx, "api: in what role the caller asks is not known", "request", requestID(a.ctx), "plugin", id, "err", err)
			role = table.Anonymous
		}
	}
	a.roles = append(a.roles, byte(role))
	return role
}

// answer is the way of every catalog read: find the generation, name the
// answer, and compute it only where the asker does not have it already.
func (s *Server) answer(ctx context.Context, generation int64, build func(read) (any, error)) (*huma.StreamResponse, error) {
	return s.answerAt(ctx, generation, "", build)
}

// answerAt is answer for what also depends on moment, which is told to nobody
// but the ETag; such an answer is not kept.
func (s *Server) answerAt(ctx context.Context, generation int64, moment string, build func(read) (any, error)) (*huma.StreamResponse, error) {
	r := callOf(ctx)
	gen, err := s.generation(ctx, generation)
	if err != nil {
		return nil, err
	}
	stamp, host := gen.Stamp(), s.hostOf(r)
	etag := etagOf(stamp, host, question(r)+moment)
	if matches(r.Header.Get("If-None-Match"), etag) {
		return stream((&answer{etag: etag}).send), nil
	}
	by := s.asker(ctx)
	v, err := build(read{gen, host, by})
	if err != nil {
		return nil, err
	}
	if p, ok := v.(passing); ok {
		return stream(sendJSON(p.v)), nil
	}
	body, err := encode(v)
	if err != nil {
		return nil, err
	}
	if len(by.roles) > 0 { // another reader is answered otherwise
		if etag = etagOf(stamp, host, question(r)+moment+string(by.roles)); matches(r.Header.Get("If-None-Match"), etag) {
			return stream((&answer{etag: etag}).send), nil
		}
		return stream(newAnswer(stamp, etag, body).send), nil
	}
	a := newAnswer(stamp, etag, body)
	if generation == 0 && moment == "" {
		if by, err := s.visibility(ctx); err == nil {
			s.kept.put(s.keyOf(r, by), a)
		}
	}
	return stream(a.send), nil
}

// generation is the newest one for 0. Before a whole one serves there is no
// answer at all: an empty one would say that there are no plugins. It holds
// what the caller may know of.
func (s *Server) generation(ctx context.Context, n int64) (*catalog.Generation, error) {
	if err := s.Ready(); err != nil {
		return nil, index.NewProblem(index.CodeUnavailable, err.Error(), "ask again soon; /readyz says when")
	}
	if n == 0 {
		return s.visible(ctx, s.Live.Current())
	}
	gen, err := s.Live.At(n)
	switch {
	case errors.Is(err, catalog.ErrGenerationGone):
		return nil, index.NewProblem(index.CodeGenerationGone, sayable(err), "ask again without generation, and without cursor")
	case errors.Is(err, artifact.ErrNotFound):
		return nil, refuse(http.StatusNotFound, codeGenerationUnknown, sayable(err), "ask again without generation")
	case err != nil:
		return nil, err
	}
	return s.visible(ctx, gen)
}

// name reads the plugin that a path names. What cannot be a name is not there.
func (p NameParams) name() (artifact.Name, error) {
	id, err := artifact.ParseName(unescape(p.Publisher) + "/" + unescape(p.Name))
	if err != nil {
		return id, refusePlugin(err)
	}
	return id, nil
}

func refusePlugin(err error) *index.Problem {
	return refuse(http.StatusNotFound, codePluginNotFound, sayable(err), "search with GET /api/v1/plugins?q=…")
}

// fit reads what the host can run.
func (p HostParams) fit() (catalog.Fit, error) {
	return catalog.ParseFit(index.Query{Host: p.Host, HostVersion: p.HostVersion, Platform: p.Platform, Channel: p.Channel, Prerelease: p.Prerelease})
}

// answers describes the 200 of an operation and the errors it may give.
func answers[T any](a huma.API, op huma.Operation, errors ...int) huma.Operation {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")
	op.Responses = map[string]*huma.Response{"200": {
		Description: http.StatusText(http.StatusOK),
		Content:     map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}}
	op.Errors = errors
	return op
}
