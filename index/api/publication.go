package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/artifact"
)

// A Publication says how far a version is that is being published.
type Publication struct {
	ID      string            `json:"id" example:"acme/hello"`
	Version string            `json:"version" example:"1.2.0"`
	State   string            `json:"state" enum:"absent,partial,complete" doc:"Partial: the same push again finishes it. Complete: the tag is set and all that it reaches is here."`
	Digest  string            `json:"digest,omitempty" doc:"What the tag means, once it is set."`
	Parts   []PublicationPart `json:"parts" doc:"The manifests of the version that are here or that one of them names. What was never sent and nothing names is not known."`
}

// A PublicationPart is one manifest of a version.
type PublicationPart struct {
	Digest   string   `json:"digest"`
	Kind     string   `json:"kind" enum:"index,manifest"`
	Platform string   `json:"platform,omitempty" example:"linux/amd64"`
	Here     bool     `json:"here"`
	Missing  []string `json:"missing,omitempty" doc:"Config and layers that it names and the repository lacks."`
}

type publicationInput struct {
	NameParams
	Version string `path:"version" doc:"Version." example:"1.2.0"`
}

type publicationOutput struct{ Body Publication }

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
	p, err := s.Keeper.Publication(ctx, id, v)
	return &publicationOutput{p}, err
}
