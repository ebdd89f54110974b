package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index"
)

type collectInput struct {
	DryRun bool `query:"dry_run" doc:"Say what would go and why; remove nothing."`
}

func collectOperation() huma.Operation {
	return huma.Operation{
		OperationID: "gc", Method: http.MethodPost, Path: "/api/v1/admin/gc",
		Summary: "Collect garbage", Description: "Sets aside what nothing reaches, and removes what was set aside before, past the grace period. One JSON object per line: each item, and a last line {\"done\":true,\"report\":{…}}, without which the run did not end.",
		Responses: map[string]*huma.Response{"200": {Description: "A stream of lines.",
			Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: "string"}}}}},
	}
}

func (s *Server) collect(ctx context.Context, in *collectInput) (*huma.StreamResponse, error) {
	if err := s.Authorize(ctx, CollectGarbage, ""); err != nil {
		return nil, err
	}
	return stream(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		w.Header().Set("Cache-Control", "no-store")
		lines := json.NewEncoder(w)
		report, err := s.Engine.Collect(r.Context(), in.DryRun, func(g index.Garbage) { _ = lines.Encode(g) }) // a reader that is gone ends the request's context
		last := any(index.CollectionDone{Done: true, Report: report})
		if err != nil {
			last = index.StreamFailed{Error: asProblem(r.Context(), err)}
		}
		if err := lines.Encode(last); err != nil {
			s.Log.DebugContext(r.Context(), "gc: the reader is gone", "err", err)
		}
	}), nil
}
