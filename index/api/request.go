package api

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/oarlock/oarlock/index"
)

type requestKey struct{}

// request is what those before the API know of a request.
type request struct {
	id  string
	log *slog.Logger
}

// InRequest tells those behind ctx the id of the request that they answer, and
// where to log what went wrong.
func InRequest(ctx context.Context, id string, log *slog.Logger) context.Context {
	return context.WithValue(ctx, requestKey{}, request{id, log})
}

func requestOf(ctx context.Context) request {
	r, ok := ctx.Value(requestKey{}).(request)
	if !ok {
		r.log = slog.Default()
	}
	return r
}

func requestID(ctx context.Context) string { return requestOf(ctx).id }

// RefuseInternal answers a request whose handler panicked; the log has the cause.
func RefuseInternal(w http.ResponseWriter, id string) {
	p := index.NewProblem(index.CodeInternal, "internal error, request "+id)
	p.RequestID = id
	writeProblem(w, p)
}
