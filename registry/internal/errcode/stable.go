package errcode

import (
	"encoding/json"
	"net/http"
)

// The stable codes of refusals, in the words of the HTTP API. An OCI error code
// is one of a closed list, so the stable one goes into the detail, as "code".
const (
	StableInvalid         = "invalid"
	StableUnauthorized    = "unauthorized"
	StableNotAuthorised   = "not_authorised"
	StableDenied          = "denied"
	StableNotFound        = "not_found"
	StableConflict        = "conflict"
	StableVersionTaken    = "version_taken"
	StableTooLarge        = "body_too_large"
	StableNotAllowed      = "method_not_allowed"
	StableTooManyRequests = "too_many_requests"
	StableStorage         = "storage_full"
	StableUnavailable     = "unavailable"
	StableInternal        = "internal"
)

// StableOf is the general stable code of an HTTP status.
func StableOf(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return StableUnauthorized
	case http.StatusForbidden:
		return StableDenied
	case http.StatusNotFound:
		return StableNotFound
	case http.StatusMethodNotAllowed:
		return StableNotAllowed
	case http.StatusConflict, http.StatusPreconditionFailed:
		return StableConflict
	case http.StatusRequestEntityTooLarge:
		return StableTooLarge
	case http.StatusTooManyRequests:
		return StableTooManyRequests
	case http.StatusServiceUnavailable:
		return StableUnavailable
	case http.StatusInsufficientStorage:
		return StableStorage
	}
	if status >= 500 {
		return StableInternal
	}
	return StableInvalid
}

// Coded gives r a stable code that says more than its status does, and r back.
func (r *Refusal) Coded(code string) *Refusal {
	r.Stable = code
	return r
}

// Code is the stable code of r.
func (r *Refusal) Code() string {
	if r.Stable != "" {
		return r.Stable
	}
	return StableOf(r.Status)
}

// Answer are the entries as a client gets them: each has the stable code in its
// detail. A detail that says a code of its own keeps it, and one that is no
// JSON object is found in "detail".
func (r *Refusal) Answer() []Error {
	out := make([]Error, len(r.Errors))
	for i, e := range r.Errors {
		e.Detail = withCode(e.Detail, r.Code())
		out[i] = e
	}
	return out
}

func withCode(detail any, code string) any {
	if detail == nil {
		return map[string]any{"code": code}
	}
	raw, err := json.Marshal(detail)
	if err != nil {
		return map[string]any{"code": code}
	}
	var said map[string]any
	switch err := json.Unmarshal(raw, &said); {
	case err != nil:
		return map[string]any{"code": code, "detail": json.RawMessage(raw)}
	case said == nil: // null
		return map[string]any{"code": code}
	case said["code"] == nil:
		said["code"] = code
	}
	return said
}
