package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

type ociError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// writeError answers with the errors of the OCI API. What could not be told is
// logged and told to nobody.
func (a *Authority) writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, code := http.StatusServiceUnavailable, "UNAVAILABLE"
	message := "could not check credentials or permissions; try again"
	var challenge *ChallengeError
	var tooMany *TooManyError
	switch {
	case errors.As(err, &challenge):
		w.Header().Set("WWW-Authenticate", challenge.Header)
		status, code, message = http.StatusUnauthorized, "UNAUTHORIZED", challenge.Error()
	case errors.As(err, &tooMany):
		w.Header().Set("Retry-After", retryAfter(tooMany.RetryAfter))
		status, code, message = http.StatusTooManyRequests, "TOOMANYREQUESTS", err.Error()
	case errors.Is(err, artifact.ErrDenied):
		status, code, message = http.StatusForbidden, "DENIED", err.Error()
	case errors.Is(err, artifact.ErrInvalid):
		status, code, message = http.StatusBadRequest, "UNSUPPORTED", err.Error()
	case artifact.StorageErrorOf(err) != nil:
		full := artifact.StorageErrorOf(err)
		status, message = http.StatusInsufficientStorage, "nothing was stored: the server's storage is "+full.Reason+"; ask the operator to see to it, or ask for no refresh token"
		a.logger.ErrorContext(r.Context(), "storage takes nothing", "path", r.URL.Path, "err", err)
	default:
		a.logger.ErrorContext(r.Context(), "could not decide", "path", r.URL.Path, "err", err)
	}
	writeJSON(w, status, map[string][]ociError{"errors": {{code, message}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"errors":[{"code":"UNKNOWN","message":"internal error"}]}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// retryAfter is whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
