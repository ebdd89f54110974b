package registry

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// errSlow marks what is said to a client that is still there and sent too little.
var errSlow = errors.New("the request body came too slowly")

// awaited is a request's body. The server ends a request's context when it
// stops waiting for the body, exactly as when the client left: only the body's
// own error tells one from the other, and who is still there has to be told.
type awaited struct {
	io.ReadCloser
	late atomic.Bool
}

// await is r with a body that notes whether the server gave it up. The server's
// own request keeps its body, which tells it what the client waits for.
// A request without a body has nothing to wait for: nil, which was never late.
func await(r *http.Request) (*http.Request, *awaited) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, nil
	}
	body := &awaited{ReadCloser: r.Body}
	r = r.WithContext(r.Context())
	r.Body = body
	return r, body
}

func (a *awaited) Read(b []byte) (int, error) {
	n, err := a.ReadCloser.Read(b)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		a.late.Store(true)
	}
	return n, err
}

// because is err, or what to say instead when the body's slowness caused it.
func (a *awaited) because(err error) error {
	if a == nil || !a.late.Load() {
		return err
	}
	no := errcode.Refuse(http.StatusRequestTimeout, errcode.SizeInvalid,
		"the request body came too slowly, and the server stopped waiting; send it again, an upload from where a GET of its location says").Coded("invalid_body")
	no.Kind = errSlow
	return no
}
