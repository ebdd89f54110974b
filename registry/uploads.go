package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"

	"github.com/google/uuid"
	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// startUpload answers POST to uploads: a mount, a whole blob at once, or a
// new session.
func (g *Registry) startUpload(w http.ResponseWriter, r *http.Request, at route) error {
	q := r.URL.Query()
	if alg := q.Get("digest-algorithm"); alg != "" && alg != "sha256" && alg != "sha512" {
		return errcode.Refuse(http.StatusBadRequest, errcode.DigestInvalid, "digest-algorithm %.40q: expected sha256 or sha512", alg)
	}
	if text := q.Get("mount"); text != "" {
		d, err := storage.ParseDigest(text)
		if err != nil {
			return err
		}
		mounted, err := g.mount(r, at, q.Get("from"), d)
		if err != nil {
			return err
		}
		if mounted {
			answerBlob(w, at.repo, d)
			return nil
		}
	}
	start := forward{path: "/v2/" + at.repo + "/blobs/uploads/", body: http.NoBody}
	if text := q.Get("digest"); text != "" {
		d, err := storage.ParseDigest(text)
		if err != nil {
			return err
		}
		return g.uploadAtOnce(w, r, at, start, d)
	}
	if begun, err := g.beginSession(w, at.repo); begun || err != nil {
		return err
	}
	rec, err := g.send(r, http.MethodPost, start)
	if err != nil {
		return err
	}
	rec.copyTo(w)
	return nil
}

// beginSession begins an upload in memory, where this process alone serves it.
func (g *Registry) beginSession(w http.ResponseWriter, repo string) (bool, error) {
	if g.storage.Replicated() {
		return false, nil
	}
	now := g.storage.Now()
	id, ok := g.sessions.begin(repo, now)
	if !ok {
		return false, nil
	}
	to, err := g.sessionURL(id, session{repo, now.UTC()})
	if err != nil {
		return false, err
	}
	h := w.Header()
	h.Set("Location", to)
	h.Set("Range", "0-0")
	h.Set("Docker-Upload-Uuid", id)
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return true, nil
}

// uploadAtOnce is a POST that carries the whole blob: a session of one request.
func (g *Registry) uploadAtOnce(w http.ResponseWriter, r *http.Request, at route, start forward, d digest.Digest) error {
	if content, held, err := readWhole(r); held {
		if err == nil {
			err = g.storage.PutBlob(r.Context(), at.repo, d, content)
		}
		if err == nil {
			answerBlob(w, at.repo, d)
		}
		return err
	}
	rec, err := g.send(r, http.MethodPost, start)
	if err != nil {
		return err
	}
	to, err := url.Parse(rec.Header().Get("Location"))
	if err != nil {
		return err
	}
	q := to.Query()
	q.Set("digest", d.String())
	if err := g.storage.Distrust(r.Context(), d); err != nil {
		return storage.CouldNotTell(fmt.Sprintf("whether what is stored as %s is whole", d), err)
	}
	whole := forward{path: to.Path, query: q, body: r.Body, length: r.ContentLength}
	if _, err := g.send(r, http.MethodPut, whole); err != nil {
		// Nobody was told where to go on, so what came of it is of no use.
		g.dropUpload(r.Context(), at.repo, path.Base(to.Path))
		return err
	}
	g.storage.Arrived(context.WithoutCancel(r.Context()), d)
	answerBlob(w, at.repo, d)
	return nil
}

// continueUpload passes a request of a session on, one at a time per session.
func (g *Registry) continueUpload(w http.ResponseWriter, r *http.Request, at route) error {
	q := r.URL.Query()
	var d digest.Digest
	if r.Method == http.MethodPut {
		var err error
		if d, err = storage.ParseDigest(q.Get("digest")); err != nil {
			return err
		}
	}
	f := forward{path: "/v2/" + at.repo + "/blobs/uploads/" + at.upload, query: q, body: r.Body, length: r.ContentLength}
	if err := f.chunk(r.Header.Get("Content-Range")); err != nil {
		return err
	}
	unlock, err := g.storage.Locker().Lock(r.Context(), "upload/"+at.upload, false)
	if err != nil {
		return storage.LockError(err)
	}
	defer unlock()
	if done, err := g.firstBytes(w, r, at, d, f); done || err != nil {
		return err
	}
	if r.Method == http.MethodPut {
		if err := g.storage.Distrust(r.Context(), d); err != nil {
			return storage.CouldNotTell(fmt.Sprintf("whether what is stored as %s is whole", d), err)
		}
	}
	rec, err := g.send(r, r.Method, f)
	if err != nil {
		if keptNothing(r, err) {
			g.dropUpload(r.Context(), at.repo, at.upload)
		}
		return err
	}
	if r.Method == http.MethodDelete {
		// distribution writes the state of the hash once more when it closes.
		if err := g.removeUpload(r.Context(), at.repo, at.upload); err != nil {
			return err
		}
	}
	if r.Method == http.MethodPut {
		g.storage.Arrived(context.WithoutCancel(r.Context()), d)
		answerBlob(w, at.repo, d)
		return nil
	}
	rec.copyTo(w)
	return nil
}

// keptNothing reports whether the refusal of r ends its upload: there is no
// room for it, on the disk or in the quota, or none was asked for, because it is
// of a blob that is held. The room that its first bytes take is what others need
// then.
func keptNothing(r *http.Request, err error) bool {
	body, ok := r.Body.(*meteredBody)
	return errors.Is(err, artifact.ErrStorage) || ok && (body.refused != nil || body.again)
}

// dropUpload removes what came of an upload that was refused.
func (g *Registry) dropUpload(ctx context.Context, repo, upload string) {
	if uuid.Validate(upload) != nil {
		return // no name of an upload, so no folder of one either
	}
	g.sessions.end(upload)
	if err := g.removeUpload(ctx, repo, upload); err != nil {
		g.log.WarnContext(ctx, "registry: what was refused stays until old uploads are removed", "repository", repo, "upload", upload, "err", err)
	}
}

func (g *Registry) removeUpload(ctx context.Context, repo, upload string) error {
	at := path.Join(driver.RepositoryRoot, repo, "_uploads", upload)
	return driver.MissingIsFine(g.driver.Delete(context.WithoutCancel(ctx), at))
}

// firstBytes answers a request of a session that is held in memory, or puts
// that session into storage for distribution's handler.
func (g *Registry) firstBytes(w http.ResponseWriter, r *http.Request, at route, d digest.Digest, f forward) (done bool, err error) {
	s, ok := g.sessions.get(at.repo, at.upload)
	if !ok {
		return false, nil
	}
	if r.Method == http.MethodPut {
		if done, err := g.uploadWhole(w, r, at, d, f); done || err != nil {
			return done, err
		}
	}
	if err := g.materialise(r.Context(), at.upload, s); err != nil {
		if keptNothing(r, err) {
			g.dropUpload(r.Context(), at.repo, at.upload)
		}
		return false, err
	}
	return false, nil
}

// mount links a blob of another repository, if the caller may pull it there.
// Where it cannot, the specification wants an upload session instead.
func (g *Registry) mount(r *http.Request, at route, from string, d digest.Digest) (bool, error) {
	repo := at.repo
	if from == "" || storage.CheckRepository(from) != nil {
		return false, nil
	}
	ctx := r.Context()
	if g.opts.admit(ctx, Access{Principal: at.who, Action: Pull, Repository: from}) != nil {
		return false, nil
	}
	to, err := g.storage.Layer(ctx, from, d)
	if err != nil {
		return false, nil
	}
	there := route{kind: routeBlob, repo: from, who: at.who, digest: d} // it is asked as a read of it is
	if g.admitContent(ctx, there, to) != nil {
		return false, nil
	}
	if _, err := g.driver.Stat(ctx, driver.BlobPath(to)); err != nil {
		return false, nil
	}
	if err := g.meterMount(ctx, at, from, to); err != nil {
		return false, err
	}
	ctx = driver.Later(context.WithoutCancel(ctx))
	for _, link := range []digest.Digest{to, d} {
		if err := g.storage.PutLink(ctx, driver.LayerPath(repo, link), to); err != nil {
			return false, err
		}
		if to == d {
			break
		}
	}
	return true, nil
}

// answerBlob is the 201 of a stored blob, under the digest it came with.
func answerBlob(w http.ResponseWriter, repo string, d digest.Digest) {
	h := w.Header()
	h.Set("Location", "/v2/"+repo+"/blobs/"+d.String())
	h.Set("Docker-Content-Digest", d.String())
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
}
