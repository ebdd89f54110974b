package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/resolve"
)

type resolveInput struct {
	GenerationParam
	Body index.ResolveRequest
}

func (s *Server) resolveRoute(a huma.API) {
	op := huma.Operation{
		OperationID: "resolve", Method: http.MethodPost, Path: "/api/v1/resolve", Tags: []string{"catalog"}, MaxBodyBytes: s.MaxBody,
		Summary: "Resolve plugins to digests",
		Description: "One exact digest for each wanted plugin and for all that they need, dependencies before what needs them. " +
			"The ETag names the answer: asked again with If-None-Match it is 304 while nothing changed. " +
			"Where no choice satisfies every range the answer is 409 unsatisfiable with an explanation in sentences, where a wanted plugin is not known it is 404 plugin_not_found.",
	}
	request := a.OpenAPI().Components.Schemas
	request.Schema(reflect.TypeFor[index.ResolveRequest](), true, "")
	asked := request.Map()["ResolveRequest"]
	asked.Required = []string{"plugins"} // nobody in particular may ask, too
	asked.PrecomputeMessages()
	huma.Register(a, answers[index.Resolution](a, op, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusRequestEntityTooLarge), s.resolve)
}

func (s *Server) resolve(ctx context.Context, in *resolveInput) (*huma.StreamResponse, error) {
	host := HostParams{Host: in.Body.Host.ID, HostVersion: in.Body.Host.Version, Platform: in.Body.Platform, Channel: in.Body.Channel, Prerelease: in.Body.Prerelease}
	fit, err := host.fit()
	if err != nil {
		return nil, err
	}
	if _, err := s.aged(ctx, &fit, in.Body.MinimumAge); err != nil {
		return nil, err
	}
	request, err := resolve.ParseRequest(in.Body)
	if err != nil {
		return nil, invalid(codeInvalidBody, err)
	}
	gen, err := s.generation(ctx, in.Generation)
	if err != nil {
		return nil, err
	}
	wanted := make([]artifact.Name, len(request.Wants))
	for i, w := range request.Wants {
		wanted[i] = w.ID
		if _, ok := gen.Snapshot.Plugin(w.ID); !ok {
			return nil, noPlugin(gen.Snapshot, w.ID)
		}
	}
	chosen, err := resolve.Resolve(ctx, resolve.Over(gen.Snapshot, fit, wanted...), request)
	if err != nil {
		var known *index.Problem
		if !errors.As(err, &known) && errors.Is(err, resolve.ErrExhausted) {
			return nil, index.NewProblem(index.CodeUnavailable, err.Error(), "ask for fewer plugins at once, or with narrower ranges")
		}
		return nil, err
	}
	out := resolve.Answer(gen.Stamp(), s.hostOf(callOf(ctx)), chosen)
	out.MinimumAge = ageOf(fit)
	body, err := encode(out)
	if err != nil {
		return nil, err
	}
	return stream(newAnswer(gen.Stamp(), etagOfBody(body), body).send), nil
}
