package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/oarlock/oarlock/artifact"
)

// An ociError is one entry of an error body of the OCI API. The code of the
// detail is the one of the HTTP API for the same.
type ociError struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Detail  ociDetail `json:"detail"`
}

type ociDetail struct {
	Code string `json:"code"`
}

// writeError answers with the errors of the OCI API. What could not be told is
// logged and told to nobody.
func (a *Authority) writeError(w http.ResponseWriter, r *http.Request, err error) {
	status, code, stable := http.StatusServiceUnavailable, "UNAVAILABLE", "unavailable"
	message := "could not check credentials or permissions; try again"
	var challenge *ChallengeError
	var tooMany *TooManyError
	switch {
	case errors.As(err, &challenge):
		w.Header().Set("WWW-Authenticate", challenge.Header)
		status, code, stable, message = http.StatusUnauthorized, "UNAUTHORIZED", "unauthorized", challenge.Error()
	case errors.As(err, &tooMany):
		w.Header().Set("Retry-After", retryAfter(tooMany.RetryAfter))
		status, code, stable, message = http.StatusTooManyRequests, "TOOMANYREQUESTS", "too_many_requests", err.Error()
	case errors.Is(err, artifact.ErrDenied):
		status, code, stable, message = http.StatusForbidden, "DENIED", "not_authorised", err.Error()
	case errors.Is(err, artifact.ErrInvalid):
		status, code, stable, message = http.StatusBadRequest, "UNSUPPORTED", "invalid", err.Error()
	case artifact.StorageErrorOf(err) != nil:
		full := artifact.StorageErrorOf(err)
		status, stable, message = http.StatusInsufficientStorage, "storage_full", "nothing was stored: the server's storage is "+full.Reason+"; ask the operator to see to it, or ask for no refresh token"
		a.logger.ErrorContext(r.Context(), "storage takes nothing", "path", r.URL.Path, "err", err)
	default:
		a.logger.ErrorContext(r.Context(), "could not decide", "path", r.URL.Path, "err", err)
	}
	writeJSON(w, status, map[string][]ociError{"errors": {{code, message, ociDetail{stable}}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"errors":[{"code":"UNKNOWN","message":"internal error","detail":{"code":"internal"}}]}`)
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
