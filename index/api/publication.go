package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
)

type publicationInput struct {
	NameParams
	Version string `path:"version" doc:"Version." example:"1.2.0"`
}

type publicationOutput struct{ Body index.Publication }

func publicationOperation() huma.Operation {
	return huma.Operation{
		OperationID: "publication", Method: http.MethodGet, Path: "/api/v1/plugins/{publisher}/{name}/versions/{version}/publication",
		Summary:     "Ask how far a publication is",
		Description: "Of a version whose push was cut: which of its manifests are here, and what they lack. It takes who may pull the plugin.",
		Errors:      []int{http.StatusNotFound},
	}
}

func (s *Server) publication(ctx context.Context, in *publicationInput) (*publicationOutput, error) {
	id, err := in.name()
	if err != nil {
		return nil, err
	}
	if err := s.Authorize(ctx, ReadPlugin, id.String()); err != nil {
		return nil, err
	}
	v, err := artifact.ParseVersion(unescape(in.Version))
	if err != nil {
		return nil, invalid(codeInvalidParameter, err)
	}
	p, err := s.Upkeep.Publication(ctx, id, v)
	if err != nil {
		return nil, err
	}
	whole, err := s.seesWhole(ctx, id, v)
	if err != nil {
		return nil, err
	}
	if !whole {
		p.Digest, p.Parts = "", []index.PublicationPart{}
	}
	return &publicationOutput{p}, nil
}

// seesWhole reports whether the caller may be told the digests of a version: of one that
// is a tombstone to him there are none in any answer. A version that the catalog does not
// know is its plugin's.
func (s *Server) seesWhole(ctx context.Context, id artifact.Name, v artifact.Version) (bool, error) {
	gen, err := s.generation(ctx, 0)
	if err != nil {
		return false, err
	}
	p, ok := gen.Snapshot.Plugin(id)
	if !ok {
		return true, nil
	}
	if gone := p.Gone(); gone != nil {
		return false, gone
	}
	found, _ := p.At(v)
	return read{gen, s.hostOf(callOf(ctx)), s.asker(ctx)}.rows().Whole(p, found), nil
}
