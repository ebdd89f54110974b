package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index/catalog"
)

// heartbeat keeps an idle stream open through proxies.
const heartbeat = 15 * time.Second

func (s *Server) eventsRoute(a huma.API) {
	op := huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: "/api/v1/events", Tags: []string{"catalog"},
		Summary: "Follow the catalog",
		Description: "Server-sent events. The event \"generation\" comes at once and after every change, with a stamp as its data " +
			"and the generation as its id; a slow reader misses all but the newest. A comment comes every 15 seconds.",
		Responses: map[string]*huma.Response{"200": {Description: "A stream that ends when the server stops.",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}},
		Errors: []int{http.StatusBadRequest},
	}
	huma.Register(a, op, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		return stream(s.events), nil
	})
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	generations, stop := s.Live.Subscribe()
	defer stop()
	ctx := context.WithValue(r.Context(), visibilityKey{}, nil) // it outlives what the caller may know of now
	last, err := s.generation(ctx, 0)
	if err != nil {
		writeProblem(w, asProblem(ctx, err))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if err := sendGeneration(w, out, last); err != nil {
		return
	}
	for {
		var err error
		select {
		case g, open := <-generations:
			if !open {
				return
			}
			if g, err = s.visible(ctx, g); err != nil {
				return // who reads on is told by the next request
			}
			if g.Snapshot.Digest() == last.Snapshot.Digest() {
				continue // what changed is hidden from this reader
			}
			last, err = g, sendGeneration(w, out, g)
		case <-beat.C:
			if _, err = s.visibility(ctx); err != nil {
				return // nor are who may not read on
			}
			if _, err = fmt.Fprint(w, ": still here\n\n"); err == nil {
				err = out.Flush()
			}
		case <-r.Context().Done():
			return
		case <-s.draining:
			return
		}
		if err != nil {
			return // the reader is gone
		}
	}
}

func sendGeneration(w http.ResponseWriter, out *http.ResponseController, g *catalog.Generation) error {
	data, err := json.Marshal(g.Stamp())
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "event: generation\nid: %d\ndata: %s\n\n", g.Number, data); err != nil {
		return err
	}
	return out.Flush()
}
