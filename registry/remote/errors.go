package remote

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/errcode"

	"github.com/oarlock/oarlock/artifact"
)

// An Error is a registry's refusal. It wraps the kind that its status stands
// for; 429 and 5xx stand for none, since trying again may help.
type Error struct {
	Reference string // what was asked for, "127.0.0.1:7117/acme/hello:1.2.0"
	Status    int    // HTTP
	Code      string // OCI error code, such as "DENIED"; may be empty
	Message   string // the registry's own words
	Detail    any    // what else it said
	Stable    string // the code of an oarlock registry, which says more than Code; may be empty
	kind      error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s", e.Reference, e.Message)
	if e.Code != "" {
		text += fmt.Sprintf(" (%s, HTTP %d)", e.Code, e.Status)
	} else {
		text += fmt.Sprintf(" (HTTP %d)", e.Status)
	}
	return text
}

// Unwrap is the kind, or nil.
func (e *Error) Unwrap() error { return e.kind }

// asError turns what oras-go returns into an *Error where a registry spoke,
// and keeps the chain where none did.
func asError(ref string, err error) error {
	if r, ok := errors.AsType[*errcode.ErrorResponse](err); ok {
		return refusal(ref, r)
	}
	if c, ok := errors.AsType[*oras.CopyError](err); ok {
		err = c.Err
	}
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return fmt.Errorf("%s: %w", ref, artifact.ErrNotFound)
	case errors.Is(err, content.ErrMismatchedDigest), errors.Is(err, content.ErrTrailingData):
		return fmt.Errorf("%s: %s: %w", ref, err, artifact.ErrUnverified)
	}
	return fmt.Errorf("%s: %w", ref, err)
}

// Wrap says of an error of oras-go what this package says of its own: a
// registry's refusal is an *Error, and the kinds are those of package artifact.
// ref is what was asked for. Nil stays nil.
func Wrap(ref string, err error) error {
	if err == nil {
		return nil
	}
	return asError(ref, err)
}

func refusal(ref string, r *errcode.ErrorResponse) *Error {
	e := &Error{Reference: ref, Status: r.StatusCode, Message: strings.ToLower(http.StatusText(r.StatusCode)), kind: kindOf(r.StatusCode)}
	var messages []string
	for i, one := range r.Errors {
		if i == 0 {
			e.Code, e.Detail, e.Stable = one.Code, one.Detail, StableCode(one)
		}
		messages = append(messages, one.Message)
	}
	if text := strings.TrimSpace(strings.Join(messages, "; ")); text != "" {
		e.Message = text
	}
	return e
}

// StableCode is the code that an oarlock registry gives in the detail of a
// refusal, in the words of its HTTP API; "" where there is none.
func StableCode(e errcode.Error) string {
	said, _ := e.Detail.(map[string]any)
	code, _ := said["code"].(string)
	return code
}

func kindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return artifact.ErrDenied
	case status == http.StatusNotFound, status == http.StatusGone:
		return artifact.ErrNotFound
	case status == http.StatusConflict:
		return artifact.ErrConflict
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return nil
	case status >= 400 && status < 500:
		return artifact.ErrInvalid
	}
	return nil
}
