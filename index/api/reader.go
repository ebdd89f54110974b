package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/oarlock/oarlock/index"
	"github.com/oarlock/oarlock/index/catalog"
)

type visibilityKey struct{}

// visibility is what the caller of ctx may know of.
func (s *Server) visibility(ctx context.Context) (catalog.Visibility, error) {
	if known, ok := ctx.Value(visibilityKey{}).(catalog.Visibility); ok {
		return known, nil
	}
	by, err := s.Visibility(ctx)
	if no := new(index.Problem); errors.As(err, &no) {
		return by, err
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "api: what the caller may read is not known", "request", requestID(ctx), "err", err)
		return by, index.NewProblem(index.CodeUnavailable, "could not tell what you may read", "ask again soon; oarlock's log has the cause")
	}
	return by, nil
}

// visible is g as the caller of ctx may know it. Every answer about plugins is
// made from it, so that what is hidden answers as what is not there.
func (s *Server) visible(ctx context.Context, g *catalog.Generation) (*catalog.Generation, error) {
	by, err := s.visibility(ctx)
	if err != nil {
		return nil, err
	}
	return s.Live.Visible(g, by), nil
}

// personal reports whether the answer to r is for the sender alone.
func personal(r *http.Request) bool {
	return r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != ""
}

var (
	ownNoCache = []string{"private, no-cache"}
	varyReader = []string{"Accept-Encoding, Authorization, Cookie"}
)
