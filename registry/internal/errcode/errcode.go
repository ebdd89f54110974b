package errcode

import (
	"fmt"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/ocierror"
)

// The error codes of OCI distribution-spec 1.1, and three for what it leaves
// open: TagInvalid is the older code for tags, Unavailable and Internal go
// with 5xx only.
const (
	BlobUnknown         = "BLOB_UNKNOWN"
	BlobUploadInvalid   = "BLOB_UPLOAD_INVALID"
	DigestInvalid       = "DIGEST_INVALID"
	ManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	ManifestInvalid     = "MANIFEST_INVALID"
	ManifestUnknown     = "MANIFEST_UNKNOWN"
	NameInvalid         = "NAME_INVALID"
	NameUnknown         = "NAME_UNKNOWN"
	SizeInvalid         = "SIZE_INVALID"
	Unauthorized        = "UNAUTHORIZED"
	Denied              = "DENIED"
	Unsupported         = "UNSUPPORTED"
	TagInvalid          = "TAG_INVALID"
	Unavailable         = "UNAVAILABLE"
	Internal            = "UNKNOWN"
)

// An Error is one entry of the error body of the specification.
type Error = ocierror.Error

// A Refusal is an answer that says no, and why.
type Refusal struct {
	Status int
	Errors []Error
	Header http.Header
	Head   int   // status where HEAD is answered with another
	Kind   error // of artifact, for callers inside the process
	// Stable is the stable code; "" is the general one of Status.
	Stable string
}

func (r *Refusal) Error() string {
	if len(r.Errors) == 0 {
		return "refused"
	}
	return r.Errors[0].Message
}

// Unwrap gives the kind.
func (r *Refusal) Unwrap() error { return r.Kind }

// Refuse says no with one entry; the status decides the kind of the error.
func Refuse(status int, code, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Errors: []Error{{Code: code, Message: fmt.Sprintf(format, args...)}}, Kind: kindOf(status)}
}

// Detail adds to the first entry what a program can read, and gives r back.
func (r *Refusal) Detail(d any) *Refusal {
	r.Errors[0].Detail = d
	return r
}

func kindOf(status int) error {
	switch status {
	case http.StatusNotFound:
		return artifact.ErrNotFound
	case http.StatusConflict:
		return artifact.ErrConflict
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusMethodNotAllowed:
		return artifact.ErrDenied
	case http.StatusServiceUnavailable, http.StatusInsufficientStorage, http.StatusInternalServerError:
		return nil
	}
	return artifact.ErrInvalid
}
