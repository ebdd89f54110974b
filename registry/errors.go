package registry

import (
	"crypto/rand"
	"errors"
	"net/http"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/artifact/ocierror"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// statusClientGone is what the log shows for a request whose client left.
const statusClientGone = 499

// silent refuses because the storage gives no answer. A write may have arrived
// all the same, and the same request again finds out.
func silent(why string) *errcode.Refusal {
	r := errcode.Refuse(http.StatusServiceUnavailable, errcode.Unavailable,
		"the registry's storage cannot be used at the moment: %s; try the same again, and ask the operator if it stays so", why)
	r.Header = storage.RetryLater()
	return r
}

// fail answers r with err, as OCI error JSON, and logs what is not the client's doing.
func (g *Registry) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil && !errors.Is(err, errSlow) {
		w.WriteHeader(statusClientGone)
		return
	}
	answer := g.answerTo(r, err)
	saysRegistry(w.Header())
	for k, v := range answer.Header {
		w.Header()[k] = v
	}
	status := answer.Status
	if r.Method == http.MethodHead && answer.Head != 0 {
		status = answer.Head
	}
	ocierror.Write(w, r, status, answer.Answer()...)
}

// answerTo finds the refusal for err; what none fits is an internal error
// with an id that the log repeats.
func (g *Registry) answerTo(r *http.Request, err error) *errcode.Refusal {
	var known *errcode.Refusal
	var ask *Challenge
	var denial *Denial
	var damage *driver.Damage
	switch {
	case errors.As(err, &known):
		if known.Status >= 500 {
			g.log.ErrorContext(r.Context(), "registry: refused", "method", r.Method, "path", r.URL.Path, "status", known.Status, "err", err, "cause", known.Kind)
		}
		return known
	case errors.As(err, &ask):
		return challenge(ask)
	case errors.As(err, &denial):
		no := errcode.Refuse(http.StatusForbidden, errcode.Denied, "%s", err).Coded(denial.Code).Detail(denial.Detail)
		no.Head = denial.Head
		return no
	case driver.StorageErrorIn(err) != nil:
		g.log.ErrorContext(r.Context(), "registry: storage takes nothing", "method", r.Method, "path", r.URL.Path, "err", err)
		return storageRefusal(driver.StorageErrorIn(err))
	case driver.HasSilence(err):
		why, _ := driver.Silence(err)
		g.log.ErrorContext(r.Context(), "registry: storage gives no answer", "method", r.Method, "path", r.URL.Path, "why", why, "err", err)
		return silent(why)
	case errors.As(err, &damage):
		g.log.ErrorContext(r.Context(), "registry: damaged storage", "repository", damage.Repository, "digest", damage.Digest, "tag", damage.Tag, "path", damage.Path, "what", damage.What)
		no := errcode.Refuse(http.StatusInternalServerError, errcode.Internal, "what is stored here is damaged and is not served: %s; push it again to fix it, or ask the operator, who finds it with oarlock fsck", damage.What).
			Detail(map[string]string{"kind": string(damage.Kind), "repository": damage.Repository, "digest": damage.Digest.String(), "tag": damage.Tag})
		no.Head = http.StatusNotFound // so that a client that has it pushes it again
		return no
	case errors.Is(err, artifact.ErrDenied):
		return errcode.Refuse(http.StatusForbidden, errcode.Denied, "%s", err)
	case errors.Is(err, artifact.ErrInvalid):
		return errcode.Refuse(http.StatusBadRequest, errcode.ManifestInvalid, "%s", err)
	}
	id := rand.Text()[:12]
	g.log.ErrorContext(r.Context(), "registry: internal error", "request", id, "method", r.Method, "path", r.URL.Path, "err", err)
	return errcode.Refuse(http.StatusInternalServerError, errcode.Internal, "internal error, request %s", id)
}

// storageRefusal says why nothing can be stored, without the paths of the server.
func storageRefusal(e *artifact.StorageError) *errcode.Refusal {
	no := errcode.Refuse(http.StatusInsufficientStorage, errcode.Unavailable, "the registry's storage is %s: nothing was stored; try again when the operator has seen to it", e.Reason)
	no.Kind = artifact.ErrStorage
	return no
}

func challenge(c *Challenge) *errcode.Refusal {
	r := errcode.Refuse(http.StatusUnauthorized, errcode.Unauthorized, "%s", c.Error())
	r.Header = http.Header{"Www-Authenticate": {c.Header}}
	return r
}
