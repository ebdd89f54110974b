package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/index"
)

// RotateRoot is asked before the root of the signed catalog is replaced.
const RotateRoot Action = "site:manage"

// A Signing keeps the signed catalog.
type Signing interface {
	// Signed says when the catalog with digest d was made and until when its
	// signature holds; false where that is not what is published.
	Signed(d digest.Digest) (made, expires time.Time, ok bool)
	// RotateRoot makes the next root, and publishes it.
	RotateRoot(ctx context.Context, r index.RootRotation) (index.Root, error)
}

type rotateInput struct{ Body index.RootRotation }

type rotateOutput struct{ Body index.Root }

func (s *Server) signedRoutes(a huma.API, guarded func(huma.Operation) huma.Operation) {
	huma.Register(a, onSite(guarded(huma.Operation{
		OperationID: "rotateCatalogRoot", Method: http.MethodPost, Path: "/api/v1/admin/catalog/root",
		Summary: "Rotate the root of the signed catalog",
		Description: "Makes the next root, signed by the keys of the one before and its own, and publishes it. Readers follow by themselves. " +
			"Refused where the key of the root is kept elsewhere.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}), RotateRoot), s.rotateRoot)
}

func (s *Server) rotateRoot(ctx context.Context, in *rotateInput) (*rotateOutput, error) {
	if err := s.Authorize(ctx, RotateRoot, ""); err != nil {
		return nil, err
	}
	if s.Signing == nil {
		return nil, refuse(http.StatusNotFound, codeRouteNotFound, "this server publishes no signed catalog", "set catalog.publish to on")
	}
	root, err := s.Signing.RotateRoot(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "audit: catalog root rotated", "request", requestID(ctx), "version", root.Version, "digest", root.Digest)
	return &rotateOutput{root}, nil
}

// signedAt is Signing.Signed where there is one.
func (s *Server) signedAt(d digest.Digest) (made, expires time.Time, ok bool) {
	if s.Signing == nil {
		return made, expires, false
	}
	return s.Signing.Signed(d)
}
