package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Meter counts the bytes of one request.
type Meter interface {
	// Take asks for room for n more bytes, before they are stored. Its errors
	// are those of Admit.
	Take(ctx context.Context, n int64) error
	// End says how many of them were kept, and is called once.
	End(kept int64)
}

// takeStep is how much room is asked for at once where the length of a body is
// not known.
const takeStep = 1 << 20

// metered answers a request that may bring bytes, counting them.
func (g *Registry) metered(w http.ResponseWriter, r *http.Request, at route, answer func(http.ResponseWriter, *http.Request, route) error) error {
	if g.opts.unmetered(r.Context()) || r.ContentLength == 0 || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return answer(w, r, at)
	}
	meter, err := g.opts.Uploads.BeginUpload(r.Context(), Access{Principal: at.who, Action: Push, Repository: at.repo})
	if err != nil {
		return admission(err)
	}
	if meter == nil {
		return answer(w, r, at)
	}
	free, again, done := g.sentAgain(r, at.repo)
	defer done()
	body := &meteredBody{ReadCloser: r.Body, ctx: r.Context(), meter: meter, taken: free, again: again}
	if more := r.ContentLength - free; more > 0 {
		if err := body.take(more); err != nil {
			meter.End(0)
			return body.refused
		}
	}
	r = r.WithContext(r.Context())
	r.Body = body
	err = answer(w, r, at)
	var no *errcode.Refusal
	invalid := errors.As(err, &no) && no.Errors[0].Code == errcode.DigestInvalid
	if again || err != nil && (invalid || r.Method == http.MethodPost || keptNothing(r, err)) {
		meter.End(0) // nothing of it was kept, or nothing that is not held
	} else {
		meter.End(body.read)
	}
	if body.refused != nil {
		return body.refused
	}
	return err
}

// unmetered reports whether no bytes of a request are counted.
func (o Options) unmetered(ctx context.Context) bool {
	return isProcess(ctx) || o.Uploads == ByteAdmitter(admitAll{})
}

// endsUpload reports whether a request of method may end an upload, and is then
// held to the digest it names: with others that is a word that nobody checks.
func endsUpload(method string) bool { return method == http.MethodPut || method == http.MethodPost }

// sentAgain reports whether r ends an upload of a blob that repo holds already,
// and for how many bytes no room is asked then: those of the blob, so that it can
// be pushed again where the namespace is full. An upload of it that fails is
// dropped, for nobody was asked for what came. done is called when r was
// answered: a blob comes again in one request at a time, others are counted, so
// that what is stored meanwhile is never more than the namespace holds anyway.
func (g *Registry) sentAgain(r *http.Request, repo string) (free int64, again bool, done func()) {
	done = func() {}
	if !endsUpload(r.Method) {
		return 0, false, done
	}
	to, size, held := g.holds(r.Context(), repo, digest.Digest(r.URL.Query().Get("digest")))
	if !held {
		return 0, false, done
	}
	key := namespaceOf(repo) + "@" + to.String()
	if _, busy := g.again.LoadOrStore(key, true); busy {
		return 0, false, done
	}
	return size, true, func() { g.again.Delete(key) }
}

// holds reports whether repo has a blob, with its bytes: what a request that
// ends an upload brings may be there already.
func (g *Registry) holds(ctx context.Context, repo string, d digest.Digest) (to digest.Digest, size int64, held bool) {
	if d.Validate() != nil {
		return "", 0, false
	}
	to, err := g.storage.Layer(ctx, repo, d)
	if err != nil {
		return "", 0, false
	}
	fi, err := g.driver.Stat(ctx, driver.BlobPath(to))
	if err != nil {
		return "", 0, false
	}
	return to, fi.Size(), true
}

// meteredBody asks for room before it gives bytes away.
type meteredBody struct {
	io.ReadCloser
	ctx     context.Context
	meter   Meter
	taken   int64 // what there is room for
	read    int64
	refused error
	again   bool // it is of a blob that is held
}

func (b *meteredBody) Read(p []byte) (int, error) {
	if b.refused != nil {
		return 0, b.refused
	}
	n, err := b.ReadCloser.Read(p)
	if need := b.read + int64(n) - b.taken; need > 0 && b.take(max(need, takeStep)) != nil {
		b.refused = nil // a whole step does not fit: what came may
		if err := b.take(need); err != nil {
			return 0, err
		}
	}
	b.read += int64(n)
	return n, err
}

func (b *meteredBody) take(n int64) error {
	if err := b.meter.Take(b.ctx, n); err != nil {
		b.refused = admission(err)
		return b.refused
	}
	b.taken += n
	return nil
}

// meterMount asks for room for a blob that repo is to hold without an upload.
// What its own namespace holds already is counted there.
func (g *Registry) meterMount(ctx context.Context, at route, from string, to digest.Digest) error {
	if g.opts.unmetered(ctx) || namespaceOf(at.repo) == namespaceOf(from) {
		return nil
	}
	if _, err := g.storage.Layer(ctx, at.repo, to); err == nil {
		return nil
	}
	fi, err := g.driver.Stat(ctx, driver.BlobPath(to))
	if err != nil {
		return err
	}
	end, err := g.opts.takeRoom(ctx, at, fi.Size())
	if err != nil {
		return err
	}
	end(fi.Size())
	return nil
}

// takeRoom asks for room for n bytes that come at once. end says how many of
// them were kept.
func (o Options) takeRoom(ctx context.Context, at route, n int64) (end func(kept int64), err error) {
	if o.unmetered(ctx) {
		return func(int64) {}, nil
	}
	meter, err := o.Uploads.BeginUpload(ctx, Access{Principal: at.who, Action: Push, Repository: at.repo})
	switch {
	case err != nil:
		return nil, admission(err)
	case meter == nil:
		return func(int64) {}, nil
	}
	if err := meter.Take(ctx, n); err != nil {
		meter.End(0)
		return nil, admission(err)
	}
	return meter.End, nil
}

func namespaceOf(repo string) string {
	namespace, _, _ := strings.Cut(repo, "/")
	return namespace
}
