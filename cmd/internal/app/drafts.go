package app

import (
	"context"
	"errors"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/api"
	"github.com/oarlock/oarlock/index/auth"
	"github.com/oarlock/oarlock/registry"
)

// drafts asks the registry's gate about what was not pushed yet: api.Gate.
type drafts struct {
	registry   *registry.Registry
	namespaces *auth.Namespaces
}

var _ api.Gate = drafts{}

// MayPush implements api.Gate. Of a namespace that nobody owns it says what a
// claim would say.
func (d drafts) MayPush(ctx context.Context, id artifact.Name, v artifact.Version) error {
	by := auth.From(ctx)
	err := d.registry.MayPush(ctx, by.Name, id.String(), v.Tag())
	var no *registry.Refused
	if !errors.As(err, &no) {
		return err
	}
	p := index.NewProblem(no.Code, no.Message)
	p.Status = no.Status
	if no.Code != index.CodeNamespaceUnclaimed {
		return p
	}
	claim := "oarlock publisher claim " + id.Publisher()
	var other *index.Problem
	switch err := auth.Problem(d.namespaces.CheckClaim(ctx, by, id.Publisher())); {
	case err == nil:
		p.Fixes = append(p.Fixes, "it is free: "+claim)
	case errors.As(err, &other):
		p.Detail += "; " + claim + " would be refused (" + other.Code + "): " + other.Detail
		p.Fixes = append(p.Fixes, other.Fixes...)
	default:
		return err
	}
	return p
}

// CheckPush implements api.Gate.
func (d drafts) CheckPush(ctx context.Context, id artifact.Name, v artifact.Version, draft index.Draft) (index.Drafted, error) {
	out := index.Drafted{ID: id.String(), Version: v.String(), Digest: digest.FromBytes(draft.Manifest), Refusals: []index.Refusal{}}
	found := d.registry.CheckPush(ctx, auth.From(ctx).Name, registry.Draft{Repository: id.String(), Tag: v.Tag(),
		MediaType: draft.MediaType, Manifest: draft.Manifest, Parts: draft.Parts})
	for _, no := range found {
		if no.Status >= http.StatusInternalServerError {
			p := index.NewProblem(no.Code, no.Message)
			p.Status = no.Status
			return out, p
		}
		out.Refusals = append(out.Refusals, index.Refusal{Code: no.Code, Status: no.Status, OCICode: no.OCICode, Detail: no.Message, Data: no.Detail})
	}
	out.OK = len(found) == 0
	return out, nil
}
