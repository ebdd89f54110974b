package storage

import (
	"context"
	"errors"
	"net/http"

	"fmt"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// CouldNotTell refuses because a check had no answer: not knowing denies.
func CouldNotTell(what string, cause error) error {
	var gone *errcode.Refusal
	if driver.StorageErrorIn(cause) != nil || errors.Is(cause, context.Canceled) || errors.As(cause, &gone) {
		return cause
	}
	because := ""
	if why, ok := driver.Silence(cause); ok {
		because = " because of the registry's storage: " + why
	}
	r := errcode.Refuse(http.StatusServiceUnavailable, errcode.Unavailable,
		"%s: could not tell%s, so nothing was changed; try again, and ask the operator if it stays so", what, because)
	r.Kind, r.Header = cause, RetryLater()
	return r
}

// retryAfter is when a client whose request met a fault of the storage, the
// locks or the database may ask again, in seconds.
const retryAfter = "5"

// RetryLater is the header of an answer that may be asked for again.
func RetryLater() http.Header { return http.Header{"Retry-After": {retryAfter}} }

// Describe says in front of err what was done; nil stays nil.
func Describe(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// LockError is what a lock that was not taken means for a request: whether it
// may go on could not be told. nil stays nil.
func LockError(err error) error {
	if err == nil {
		return nil
	}
	return CouldNotTell("whether somebody else is writing the same", err)
}

// InvalidManifest refuses a manifest that cannot be read.
func InvalidManifest(err error) error {
	return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "manifest: %s", err)
}
