package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/ocierror"
)

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
	refuse(w, r, status, ocierror.New(code, message, stable))
}

// refuse answers with an error of the OCI API.
func refuse(w http.ResponseWriter, r *http.Request, status int, e ocierror.Error) {
	unkept(w.Header())
	ocierror.Write(w, r, status, e)
}

// unkept says that what is answered is for nobody else and nothing but JSON.
func unkept(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status = http.StatusInternalServerError
		b, _ = ocierror.Body(ocierror.Internal())
	}
	w.Header().Set("Content-Type", "application/json")
	unkept(w.Header())
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// retryAfter is whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.FormatInt(max(1, int64((d+time.Second-1)/time.Second)), 10)
}
