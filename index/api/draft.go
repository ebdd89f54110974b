package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

// maxDraft is the largest body with a draft, in bytes.
const maxDraft = 8 << 20

// A Gate says what the registry would say to a push. It changes nothing.
type Gate interface {
	// MayPush refuses who may not push the version, as the registry does before
	// it reads what is sent. Errors are *index.Problem.
	MayPush(ctx context.Context, id artifact.Name, v artifact.Version) error
	// CheckPush judges a draft by the functions that judge pushes. An error means
	// that it could not be told.
	CheckPush(ctx context.Context, id artifact.Name, v artifact.Version, d index.Draft) (index.Drafted, error)
}

type draftInput struct {
	NameParams
	Version string `path:"version" doc:"SemVer of the version." example:"1.2.0"`
	Body    index.Draft
}

type draftOutput struct{ Body index.Drafted }

func (s *Server) draftRoute(a huma.API) {
	huma.Register(a, huma.Operation{
		OperationID: "checkPush", Method: http.MethodPost, Path: "/api/v1/plugins/{publisher}/{name}/versions/{version}/check",
		Summary: "Say what a push would be answered", Description: "Judges a version by the functions that judge pushes, before anything is pushed, and names everything that it would be refused for. It takes the right to publish there, which is asked before the body is read. Nothing is stored or reserved; the answer holds for now.",
		Tags: []string{"registry"}, Security: []map[string][]string{{"bearer": {}}},
		Middlewares: huma.Middlewares{s.mayPush}, MaxBodyBytes: maxDraft,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound},
	}, s.checkPush)
}

// mayPush refuses, before the body is read, who may not push there.
func (s *Server) mayPush(c huma.Context, next func(huma.Context)) {
	err := error(refuse(http.StatusNotFound, codeRouteNotFound, "this server judges no pushes"))
	if s.Gate != nil {
		var id artifact.Name
		var v artifact.Version
		if id, v, err = parseVersionOf(c.Param("publisher"), c.Param("name"), c.Param("version")); err == nil {
			err = s.Gate.MayPush(c.Context(), id, v)
		}
	}
	if err != nil {
		writeProblem(humaecho.Unwrap(c).Response(), asProblem(c.Context(), err))
		return
	}
	next(c)
}

func parseVersionOf(publisher, name, version string) (artifact.Name, artifact.Version, error) {
	id, err := artifact.ParseName(publisher + "/" + name)
	if err != nil {
		return id, artifact.Version{}, err
	}
	v, err := artifact.ParseVersion(version)
	return id, v, err
}

func (s *Server) checkPush(ctx context.Context, in *draftInput) (*draftOutput, error) {
	id, v, err := parseVersionOf(in.Publisher, in.Name, in.Version)
	if err != nil {
		return nil, err
	}
	d, err := s.Gate.CheckPush(ctx, id, v, in.Body)
	return &draftOutput{d}, err
}
