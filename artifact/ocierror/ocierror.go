package ocierror

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// An Error is one entry of the error body of the specification.
type Error struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

// New makes an Error with no more detail than its stable code.
func New(code, message, stable string) Error {
	return Error{code, message, map[string]string{"code": stable}}
}

// Internal is what is answered where the answer is no JSON, with status 500.
func Internal() Error { return New("UNKNOWN", "internal error", "internal") }

// Write answers r with the errors. A HEAD is answered without the body. What
// cannot be written as JSON is answered as an internal error, with status 500.
func Write(w http.ResponseWriter, r *http.Request, status int, errors ...Error) {
	body, err := Body(errors...)
	if err != nil {
		status = http.StatusInternalServerError
		body, _ = Body(Internal())
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

// Body are the errors as the specification writes them. The error says that a
// detail is no JSON; Internal always is.
func Body(errors ...Error) ([]byte, error) {
	return json.Marshal(struct {
		Errors []Error `json:"errors"`
	}{errors})
}
