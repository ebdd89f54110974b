package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
)

// once refuses a parameter that comes twice, as a body with a key twice is refused:
// readers differ in which of both they take, and a deletion has its reason there.
func (s *Server) once(c huma.Context, next func(huma.Context)) {
	at := c.URL()
	if !strings.Contains(at.RawQuery, "&") {
		next(c)
		return
	}
	came := at.Query()
	for _, p := range c.Operation().Parameters {
		if p.In == "query" && len(came[p.Name]) > 1 {
			writeProblem(humaecho.Unwrap(c).Response(), asProblem(c.Context(), refuse(http.StatusBadRequest, codeInvalidParameter,
				fmt.Sprintf("query.%s: it came %d times, expected once", p.Name, len(came[p.Name])))))
			return
		}
	}
	next(c)
}
