package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/opencontainers/go-digest"
)

// RotateRoot is asked before the root of the signed catalog is replaced.
const RotateRoot Action = "site:manage"

// A Signing keeps the signed catalog.
type Signing interface {
	// Signed says when the catalog with digest d was made and until when its
	// signature holds; false where that is not what is published.
	Signed(d digest.Digest) (made, expires time.Time, ok bool)
	// RotateRoot makes the next root, and publishes it.
	RotateRoot(ctx context.Context, r RootRotation) (Root, error)
}

// A RootRotation says what the next root changes.
type RootRotation struct {
	KeepRootKey bool `json:"keep_root_key,omitempty" doc:"Only make the root last longer; its key stays."`
	OnlineKeys  bool `json:"online_keys,omitempty" doc:"New keys of targets, snapshot and timestamp too. Readers then forget which versions they saw: for a site that was restored from a backup."`
}

// A Root is the newest root of the signed catalog.
type Root struct {
	Version   int64     `json:"version" doc:"Versions rise by one."`
	Digest    string    `json:"digest" doc:"What a reader may pin."`
	ExpiresAt time.Time `json:"expires_at"`
}

type rotateInput struct{ Body RootRotation }

type rotateOutput struct{ Body Root }

func (s *Server) signedRoutes(a huma.API, guarded func(huma.Operation) huma.Operation) {
	huma.Register(a, guarded(huma.Operation{
		OperationID: "rotateCatalogRoot", Method: http.MethodPost, Path: "/api/v1/admin/catalog/root",
		Summary: "Rotate the root of the signed catalog",
		Description: "Makes the next root, signed by the keys of the one before and its own, and publishes it. Readers follow by themselves. " +
			"Refused where the key of the root is kept elsewhere.",
		Errors: []int{http.StatusNotFound, http.StatusConflict},
	}), s.rotateRoot)
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
