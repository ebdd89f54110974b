package auth

import (
	"errors"
	"net/http"
	"os"
)

// errSlowForm is a form whose bytes the server stopped waiting for. Its sender
// is still there and is told so.
var errSlowForm = errors.New("the form came too slowly, and the server stopped waiting; send it again")

// readForm parses the form of r's body. The error is errSlowForm, or wraps
// artifact.ErrInvalid, and holds no addresses of connections.
func readForm(r *http.Request) error {
	err := r.ParseForm()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlowForm
	}
	return invalid("the body is no form, or too long")
}
