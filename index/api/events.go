package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/oarlock/oarlock/index/catalog"
)

// heartbeat keeps an idle stream open through proxies.
const heartbeat = 15 * time.Second

type eventsInput struct {
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that was read: the stream goes on after it, at whatever replica."`
}

func (s *Server) eventsRoute(a huma.API) {
	op := huma.Operation{
		OperationID: "events", Method: http.MethodGet, Path: "/api/v1/events", Tags: []string{"catalog"},
		Summary: "Follow the catalog",
		Description: "Server-sent events. The event \"generation\" comes at once and after every change, with a stamp as its data; " +
			"a slow reader misses all but the newest. The event \"lifecycle\" comes for each thing that happens to a plugin, a CloudEvent in JSON, and none is missed: " +
			"who sends the id of the last event that it read as Last-Event-ID is told what came since, of the last 14 days. " +
			"An id is the number of the generation and, after a dot, that of the event. A comment comes every 15 seconds.",
		Responses: map[string]*huma.Response{"200": {Description: "A stream that ends when the server stops.",
			Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: "string"}}}}},
		Errors: []int{http.StatusBadRequest},
	}
	huma.Register(a, op, func(ctx context.Context, in *eventsInput) (*huma.StreamResponse, error) {
		had, err := parseEventID(in.LastEventID)
		if err != nil {
			return nil, err
		}
		at, err := s.follower.start(ctx, had)
		if err != nil {
			return nil, fmt.Errorf("events: %w", err)
		}
		return stream(func(w http.ResponseWriter, r *http.Request) { s.events(w, r, at) }), nil
	})
}

// parseEventID is the number of the last event that somebody read; -1 is none.
func parseEventID(id string) (int64, error) {
	generation, event, both := strings.Cut(strings.TrimSpace(id), ".")
	if generation == "" && !both {
		return -1, nil
	}
	_, err := strconv.ParseUint(generation, 10, 63)
	if err == nil && !both {
		return -1, nil
	}
	n, err2 := strconv.ParseUint(event, 10, 63)
	if err != nil || err2 != nil {
		return 0, refuse(http.StatusBadRequest, codeInvalidParameter, fmt.Sprintf("Last-Event-ID: %.60q came, expected the id of an event of this stream, such as 42.1017", id),
			"leave it out to begin with what comes next")
	}
	return int64(n), nil
}

// A tail is one open stream.
type tail struct {
	s    *Server
	ctx  context.Context // outlives what the caller may know of now
	w    http.ResponseWriter
	out  *http.ResponseController
	last *catalog.Generation // that was told
	at   int64               // number of the last event that was told, or passed over
}

func (s *Server) events(w http.ResponseWriter, r *http.Request, at int64) {
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
	t := &tail{s, ctx, w, http.NewResponseController(w), last, at}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if err := t.generation(last); err != nil {
		return
	}
	for {
		more, err := t.lifecycle()
		if err != nil {
			return // the reader is gone, or is told by the next request
		}
		select {
		case g, open := <-generations:
			if !open {
				return
			}
			err = t.next(g)
		case <-more:
		case <-beat.C:
			err = t.beat()
		case <-r.Context().Done():
			return
		case <-s.draining:
			return
		}
		if err != nil {
			return
		}
	}
}

// next tells a generation, unless what changed is hidden from the reader.
func (t *tail) next(g *catalog.Generation) error {
	g, err := t.s.visible(t.ctx, g)
	if err != nil || g.Snapshot.Digest() == t.last.Snapshot.Digest() {
		return err
	}
	t.last = g
	return t.generation(g)
}

func (t *tail) generation(g *catalog.Generation) error {
	return t.send("generation", g.Stamp())
}

// lifecycle tells what happened since, and gives what is closed when there is more.
func (t *tail) lifecycle() (<-chan struct{}, error) {
	for {
		events, more, err := t.s.follower.after(t.ctx, t.at)
		if err != nil || len(events) == 0 {
			return more, err
		}
		by, err := t.s.visibility(t.ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			t.at = e.Number
			told, may := e.told(by)
			if may && e.Confidential {
				if may, err = t.s.Events.MayDecide(t.ctx, e.Plugin); err != nil {
					return nil, err
				}
			}
			if may {
				err = t.send("lifecycle", told)
			}
			if err != nil {
				return nil, err
			}
		}
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
	}
}

// beat ends the stream of who may not read on.
func (t *tail) beat() error {
	if _, err := t.s.visibility(t.ctx); err != nil {
		return err
	}
	if _, err := fmt.Fprint(t.w, ": still here\n\n"); err != nil {
		return err
	}
	return t.out.Flush()
}

func (t *tail) send(event string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	id := strconv.FormatInt(t.last.Number, 10)
	if t.s.Events != nil {
		id += "." + strconv.FormatInt(t.at, 10)
	}
	if _, err := fmt.Fprintf(t.w, "event: %s\nid: %s\ndata: %s\n\n", event, id, data); err != nil {
		return err
	}
	return t.out.Flush()
}
