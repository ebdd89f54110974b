package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
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

// storeWhole makes content, which must be d, a blob of repo.
func (g *Registry) storeWhole(ctx context.Context, repo string, d digest.Digest, content []byte) error {
	if got := d.Algorithm().FromBytes(content); got != d {
		return errcode.Refuse(http.StatusBadRequest, errcode.DigestInvalid, "the blob was pushed as %s, but its bytes have digest %s", d, got)
	}
	to := d
	if d.Algorithm() != digest.SHA256 {
		to = digest.FromBytes(content)
	}
	ctx = driver.Later(context.WithoutCancel(ctx))
	if err := g.putBytes(ctx, to, content); err != nil {
		return err
	}
	if err := g.putLink(ctx, driver.LayerPath(repo, to), to); err != nil || to == d {
		return err
	}
	return g.putLink(ctx, driver.LayerPath(repo, d), to)
}

// putBytes stores content under its digest. Bytes that are there already are
// left, unless they are damaged.
func (g *Registry) putBytes(ctx context.Context, d digest.Digest, content []byte) error {
	at := driver.BlobPath(d)
	if err := g.distrust(ctx, d); err != nil {
		return couldNotTell(fmt.Sprintf("whether what is stored as %s is whole", d), err)
	}
	_, err := g.driver.Stat(ctx, at)
	if !driver.IsNotFound(err) {
		return describe(err, "read %s", at)
	}
	if err := g.driver.PutContent(ctx, at, content); err != nil {
		return err
	}
	if fi, err := g.driver.Look(ctx, at); err == nil {
		g.verified.add(d, fi.Size(), fi.ModTime())
	}
	g.arrived(ctx, d)
	return nil
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
	if err = g.storeWhole(r.Context(), at.repo, d, content); err == nil {
		answerBlob(w, at.repo, d)
	}
	var no *errcode.Refusal
	if err == nil || errors.As(err, &no) {
		g.sessions.end(at.upload)
	}
	return true, err
}
