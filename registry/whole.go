package registry

import (
	"errors"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/internal/errcode"
)

// maxWhole is the size in bytes up to which a blob that comes in one request
// is hashed in memory and written once.
const maxWhole = 1 << 20

// readWhole reads a body of known length up to maxWhole; held is false for others.
func readWhole(r *http.Request) (content []byte, held bool, err error) {
	if r.ContentLength < 0 || r.ContentLength > maxWhole {
		return nil, false, nil
	}
	content = make([]byte, r.ContentLength)
	body := &counted{r: r.Body}
	if _, err := io.ReadFull(body, content); err != nil {
		return nil, true, cutUpload(body, r.ContentLength)
	}
	return content, true, nil
}

// uploadWhole answers the PUT of a session that has no bytes yet, when it
// brings the whole blob; done is false for what has to go on in storage.
func (g *Registry) uploadWhole(w http.ResponseWriter, r *http.Request, at route, d digest.Digest, f forward) (done bool, err error) {
	if f.first != 0 {
		return false, nil
	}
	content, held, err := readWhole(r)
	if !held || err != nil {
		return held, err
	}
	if err = g.storage.PutBlob(r.Context(), at.repo, d, content); err == nil {
		answerBlob(w, at.repo, d)
	}
	var no *errcode.Refusal
	if err == nil || errors.As(err, &no) {
		g.sessions.end(at.upload)
	}
	return true, err
}
