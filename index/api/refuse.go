package api

import "net/http"

// Refuse answers r with err as a problem, for what stands before the API. What
// has no kind is an internal error, and the log has its chain.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, asProblem(r.Context(), err))
}
