package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// siteAction is the key under which an operation's metadata names the action on
// the site that it needs, where that is known before its body is read.
const siteAction = "oarlock-site-action"

// early refuses, before a body is read, callers who are nobody where somebody is
// needed, and those who may not do what an operation does to the site: what a
// stranger sends is not parsed. The handlers ask again, about what was sent.
func (s *Server) early(c huma.Context, next func(huma.Context)) {
	op := c.Operation()
	if op == nil || !hasBody(c.Method()) || !guarded(op) {
		next(c)
		return
	}
	err := s.Identify(c.Context())
	if action, ok := op.Metadata[siteAction].(Action); ok && err == nil {
		err = s.Authorize(c.Context(), action, "")
	}
	if err != nil {
		writeProblem(humaecho.Unwrap(c).Response(), asProblem(c.Context(), err))
		return
	}
	next(c)
}

// onSite is op as one that needs action on the site, which is asked before its
// body is read.
func onSite(op huma.Operation, action Action) huma.Operation {
	op.Metadata = map[string]any{siteAction: action}
	return op
}

func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch || method == http.MethodDelete
}

// guarded reports whether op needs a login in any case.
func guarded(op *huma.Operation) bool {
	for _, way := range op.Security {
		if len(way) == 0 {
			return false
		}
	}
	return len(op.Security) > 0
}
