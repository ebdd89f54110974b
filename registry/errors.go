package registry

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// The error codes of OCI distribution-spec 1.1, and three for what it leaves
// open: tagInvalid is the older code for tags, unavailable and internal go
// with 5xx only.
const (
	blobUnknown         = "BLOB_UNKNOWN"
	blobUploadInvalid   = "BLOB_UPLOAD_INVALID"
	digestInvalid       = "DIGEST_INVALID"
	manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
	manifestInvalid     = "MANIFEST_INVALID"
	manifestUnknown     = "MANIFEST_UNKNOWN"
	nameInvalid         = "NAME_INVALID"
	nameUnknown         = "NAME_UNKNOWN"
	sizeInvalid         = "SIZE_INVALID"
	unauthorized        = "UNAUTHORIZED"
	denied              = "DENIED"
	unsupported         = "UNSUPPORTED"
	tagInvalid          = "TAG_INVALID"
	unavailable         = "UNAVAILABLE"
	internal            = "UNKNOWN"
)

// statusClientGone is what the log shows for a request whose client left.
const statusClientGone = 499

// An ociError is one entry of the error body of the specification.
type ociError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail,omitempty"`
}

// A refusal is an answer that says no, and why.
type refusal struct {
	status int
	errors []ociError
	header http.Header
	head   int   // status where HEAD is answered with another
	kind   error // of artifact, for callers inside the process
}

func (r *refusal) Error() string {
	if len(r.errors) == 0 {
		return "refused"
	}
	return r.errors[0].Message
}

func (r *refusal) Unwrap() error { return r.kind }

func refuse(status int, code, format string, args ...any) *refusal {
	return &refusal{status: status, errors: []ociError{{Code: code, Message: fmt.Sprintf(format, args...)}}, kind: kindOf(status)}
}

func (r *refusal) detail(d any) *refusal {
	r.errors[0].Detail = d
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

// couldNotTell refuses because a check had no answer: not knowing denies.
func couldNotTell(what string, cause error) error {
	var gone *refusal
	if driver.StorageErrorIn(cause) != nil || errors.Is(cause, context.Canceled) || errors.As(cause, &gone) {
		return cause
	}
	because := ""
	if why, ok := driver.Silence(cause); ok {
		because = " because of the registry's storage: " + why
	}
	r := refuse(http.StatusServiceUnavailable, unavailable,
		"%s: could not tell%s, so nothing was changed; try again, and ask the operator if it stays so", what, because)
	r.kind, r.header = cause, retryLater()
	return r
}

// retryAfter is when a client whose request met a fault of the storage, the
// locks or the database may ask again, in seconds.
const retryAfter = "5"

func retryLater() http.Header { return http.Header{"Retry-After": {retryAfter}} }

// silent refuses because the storage gives no answer. A write may have arrived
// all the same, and the same request again finds out.
func silent(why string) *refusal {
	r := refuse(http.StatusServiceUnavailable, unavailable,
		"the registry's storage cannot be used at the moment: %s; try the same again, and ask the operator if it stays so", why)
	r.header = retryLater()
	return r
}

// fail answers r with err, as OCI error JSON, and logs what is not the client's doing.
func (g *Registry) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		w.WriteHeader(statusClientGone)
		return
	}
	answer := g.answerTo(r, err)
	for k, v := range answer.header {
		w.Header()[k] = v
	}
	body, err := json.Marshal(map[string]any{"errors": answer.errors})
	if err != nil {
		body = []byte(`{"errors":[{"code":"UNKNOWN","message":"internal error"}]}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	status := answer.status
	if r.Method == http.MethodHead && answer.head != 0 {
		status = answer.head
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// answerTo finds the refusal for err; what none fits is an internal error
// with an id that the log repeats.
func (g *Registry) answerTo(r *http.Request, err error) *refusal {
	var known *refusal
	var ask *Challenge
	var damage *driver.Damage
	switch {
	case errors.As(err, &known):
		if known.status >= 500 {
			g.log.ErrorContext(r.Context(), "registry: refused", "method", r.Method, "path", r.URL.Path, "status", known.status, "err", err, "cause", known.kind)
		}
		return known
	case errors.As(err, &ask):
		return challenge(ask)
	case driver.StorageErrorIn(err) != nil:
		g.log.ErrorContext(r.Context(), "registry: storage takes nothing", "method", r.Method, "path", r.URL.Path, "err", err)
		return storageRefusal(driver.StorageErrorIn(err))
	case driver.HasSilence(err):
		why, _ := driver.Silence(err)
		g.log.ErrorContext(r.Context(), "registry: storage gives no answer", "method", r.Method, "path", r.URL.Path, "why", why, "err", err)
		return silent(why)
	case errors.As(err, &damage):
		g.log.ErrorContext(r.Context(), "registry: damaged storage", "repository", damage.Repository, "digest", damage.Digest, "tag", damage.Tag, "path", damage.Path, "what", damage.What)
		no := refuse(http.StatusInternalServerError, internal, "what is stored here is damaged and is not served: %s; push it again to mend it, or ask the operator, who finds it with oarlock fsck", damage.What).
			detail(map[string]string{"kind": string(damage.Kind), "repository": damage.Repository, "digest": damage.Digest.String(), "tag": damage.Tag})
		no.head = http.StatusNotFound // so that a client that has it pushes it again
		return no
	case errors.Is(err, artifact.ErrDenied):
		return refuse(http.StatusForbidden, denied, "%s", err)
	case errors.Is(err, artifact.ErrInvalid):
		return refuse(http.StatusBadRequest, manifestInvalid, "%s", err)
	}
	id := rand.Text()[:12]
	g.log.ErrorContext(r.Context(), "registry: internal error", "request", id, "method", r.Method, "path", r.URL.Path, "err", err)
	return refuse(http.StatusInternalServerError, internal, "internal error, request %s", id)
}

// storageRefusal says why nothing can be stored, without the paths of the server.
func storageRefusal(e *artifact.StorageError) *refusal {
	no := refuse(http.StatusInsufficientStorage, unavailable, "the registry's storage is %s: nothing was stored; try again when the operator has seen to it", e.Reason)
	no.kind = artifact.ErrStorage
	return no
}

func challenge(c *Challenge) *refusal {
	r := refuse(http.StatusUnauthorized, unauthorized, "%s", c.Error())
	r.header = http.Header{"Www-Authenticate": {c.Header}}
	return r
}
