package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

type rebuildInput struct {
	Check bool `query:"check" doc:"Compare only; nothing is replaced."`
}

type rebuildOutput struct{ Body index.Rebuilt }

func (s *Server) adminRoutes(a huma.API) {
	guarded := func(op huma.Operation) huma.Operation {
		op.Tags = []string{"admin"}
		op.Security = []map[string][]string{{"bearer": {}}}
		op.MaxBodyBytes = s.MaxBody
		op.Errors = append(op.Errors, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden)
		return op
	}
	s.channelRoutes(a, guarded)
	huma.Register(a, guarded(huma.Operation{
		OperationID: "rebuild", Method: http.MethodPost, Path: "/api/v1/admin/rebuild",
		Summary: "Rebuild the catalog", Description: "Derives the catalog from the registry anew and compares the digests.",
	}), s.rebuild)
	fsck := guarded(huma.Operation{
		OperationID: "fsck", Method: http.MethodGet, Path: "/api/v1/admin/fsck",
		Summary: "Check what is stored", Description: "Reads and hashes everything stored. One JSON object per line: each damage as it is found, and a last line {\"done\":true}, without which the check did not end.",
		Responses: map[string]*huma.Response{"200": {Description: "A stream of lines.",
			Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}},
	})
	huma.Register(a, guarded(collectOperation()), s.collect)
	s.signedRoutes(a, guarded)
	huma.Register(a, fsck, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		if err := s.Authorize(ctx, Fsck, ""); err != nil {
			return nil, err
		}
		return stream(s.fsck), nil
	})
}

func (s *Server) rebuild(ctx context.Context, in *rebuildInput) (*rebuildOutput, error) {
	if err := s.Authorize(ctx, RebuildCatalog, ""); err != nil {
		return nil, err
	}
	done, err := s.Engine.Rebuild(ctx, in.Check)
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "audit: catalog rebuilt", "request", requestID(ctx), "check", in.Check, "agrees", done.Agrees, "digest", done.Rebuilt)
	return &rebuildOutput{done}, nil
}

// fsck writes a line for each damage. An error in the middle leaves out the
// last line, and the log has it.
func (s *Server) fsck(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	out, lines := http.NewResponseController(w), json.NewEncoder(w)
	found := 0
	err := s.Engine.Fsck(r.Context(), func(d index.Damage) {
		found++
		if lines.Encode(d) == nil {
			out.Flush() // a reader that is gone ends the request's context
		}
	})
	last := any(index.CheckDone{Done: true, Damaged: found})
	if err != nil {
		last = index.StreamFailed{Error: asProblem(r.Context(), err)}
	}
	if err := lines.Encode(last); err != nil {
		s.Log.DebugContext(r.Context(), "fsck: the reader is gone", "err", err)
	}
}
