package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
)

type processKey struct{}

// AsProcess marks ctx as the process's own. A request that carries it is not
// asked of the Admitter and may write the reserved namespace; the rules of
// tags hold for it too. A request from a socket cannot carry it.
func AsProcess(ctx context.Context) context.Context {
	return context.WithValue(ctx, processKey{}, true)
}

func isProcess(ctx context.Context) bool { return ctx.Value(processKey{}) != nil }

// ServeHTTP answers the OCI distribution API below /v2/.
func (g *Registry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(p)
		}
		g.log.ErrorContext(r.Context(), "registry: panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
		g.fail(w, r, fmt.Errorf("panic: %v", p))
	}()
	r, body := await(r)
	if err := g.serve(w, r); err != nil {
		g.fail(w, r, body.because(err))
	}
}

func (g *Registry) serve(w http.ResponseWriter, r *http.Request) error {
	at, err := parseRoute(r.URL.Path)
	if err != nil {
		return err
	}
	if at.kind != routeBlob {
		saysRegistry(w.Header())
	}
	action, err := actionOf(at, r.Method)
	if err != nil {
		return err
	}
	if at.who, err = g.opts.principal(r); err != nil {
		return err
	}
	if err := g.enter(r.Context(), at, action, at.setsVersion(r.Method)); err != nil {
		return err
	}
	switch at.kind {
	case routeBase:
		return answerBase(w)
	case routeManifest:
		return g.serveManifest(w, r, at)
	case routeBlob:
		return g.serveBlob(w, r, at)
	case routeUploadStart:
		return g.metered(w, r, at, g.startUpload)
	case routeUpload:
		return g.metered(w, r, at, g.continueUpload)
	case routeTags:
		return g.getTags(w, r, at)
	case routeCatalog:
		return g.getRepositories(w, r)
	default:
		return g.getReferrers(w, r, at)
	}
}

// enter asks whether who is at the gate may do action, and whether the
// repository takes it. version says that a version tag would be set.
func (g *Registry) enter(ctx context.Context, at route, action Action, version bool) error {
	if err := g.opts.admit(ctx, Access{Principal: at.who, Action: action, Repository: at.repo}); err != nil {
		return err
	}
	if version {
		if err := g.opts.admit(ctx, Access{Principal: at.who, Action: Publish, Repository: at.repo}); err != nil {
			return err
		}
	}
	if action == Pull || action == List {
		return nil
	}
	if err := g.opts.checkWritable(ctx, g.storage.ReadOnly(), at.repo); err != nil {
		return err
	}
	if action != Push || isProcess(ctx) { // the process goes on with the ledger
		return nil
	}
	return g.blocks.CheckOpen(at.repo)
}

// saysRegistry sets the header by which old clients know a registry. They look
// for it at /v2/ and in refusals. The bytes of a blob come without it: they are
// the hot path, and their ninth header would make Go's map of headers grow from
// its one small group into tables, which costs a tenth of a 20 kB read.
func saysRegistry(h http.Header) { h["Docker-Distribution-Api-Version"] = apiVersion }

// apiVersion is shared by all answers: full, so that whoever adds to a header
// gets a copy.
var apiVersion = []string{"registry/2.0"}

func answerBase(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "2")
	_, err := w.Write([]byte("{}"))
	if err != nil {
		return nil // the client left
	}
	return nil
}

// actionOf says what a method does at a route, and refuses the others.
func actionOf(at route, method string) (Action, error) {
	read := method == http.MethodGet || method == http.MethodHead
	var allow string
	switch at.kind {
	case routeManifest:
		if allow = "GET, HEAD, PUT, DELETE"; method == http.MethodPut {
			return Push, nil
		}
	case routeBlob:
		allow = "GET, HEAD, DELETE"
	case routeUploadStart:
		if allow = "POST"; method == http.MethodPost {
			return Push, nil
		}
		read = false
	case routeUpload:
		allow = "GET, HEAD, PATCH, PUT, DELETE"
		if read || method == http.MethodPatch || method == http.MethodPut || method == http.MethodDelete {
			return Push, nil
		}
	default:
		allow = "GET, HEAD"
	}
	switch {
	case read && at.kind == routeCatalog:
		return List, nil
	case read:
		return Pull, nil
	case method == http.MethodDelete && (at.kind == routeManifest || at.kind == routeBlob):
		return Delete, nil
	}
	no := errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported, "method %.20q is not supported here, expected one of %s", method, allow)
	no.Header = http.Header{"Allow": {allow}}
	return "", no
}

// principal says who sends r.
func (o Options) principal(r *http.Request) (string, error) {
	if isProcess(r.Context()) || o.Principal == nil {
		return "", nil
	}
	who, err := o.Principal(r)
	return who, admission(err)
}

// admit asks whether somebody may do something.
func (o Options) admit(ctx context.Context, a Access) error {
	if isProcess(ctx) {
		return nil
	}
	err := o.Admitter.Admit(ctx, a)
	if errors.Is(err, artifact.ErrNotFound) {
		return unknownRepository(a.Repository)
	}
	return admission(err)
}

// admitContent asks whether who may read the manifest or blob d, as which it
// is stored, and whether it is blocked.
func (g *Registry) admitContent(ctx context.Context, at route, d digest.Digest) error {
	if isProcess(ctx) {
		return nil
	}
	if err := g.blocks.Check(ctx, at.repo, d, at.kind == routeBlob); err != nil {
		return err
	}
	err := g.opts.Contents.AdmitContent(ctx, Access{Principal: at.who, Action: Pull, Repository: at.repo, Tag: at.tag, Blob: at.kind == routeBlob}, d)
	if none, ok := errors.AsType[*Absence](err); ok {
		return none.refusal(at.kind == routeBlob)
	}
	return admission(err)
}

// admission keeps what an answer can be made of; anything else means that it
// could not be told who may, which refuses.
func admission(err error) error {
	if err == nil {
		return nil
	}
	var ask *Challenge
	var no *errcode.Refusal
	if errors.As(err, &ask) || errors.As(err, &no) || errors.Is(err, artifact.ErrDenied) {
		return err
	}
	return storage.CouldNotTell("who may do this", err)
}

// settings are those of the namespace; in its own namespace the process is free.
func (o Options) settings(ctx context.Context, repo string) Settings {
	if isReserved(repo) {
		return Settings{FreeTags: isProcess(ctx) && !isLedgers(repo)}
	}
	return o.Namespaces(repo)
}

func isReserved(repo string) bool {
	return repo == artifact.ReservedPublisher || strings.HasPrefix(repo, artifact.ReservedPublisher+"/")
}

// checkWritable refuses names that nobody may write to, and all where the storage
// was opened read-only.
func (o Options) checkWritable(ctx context.Context, readOnly bool, repo string) error {
	switch {
	case readOnly:
		return errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported, "this registry was opened read-only")
	case isReserved(repo) && !isProcess(ctx) && !isLedgers(repo):
		return errcode.Refuse(http.StatusForbidden, errcode.Denied, "repository %q: the namespace %q is reserved for the registry itself", repo, artifact.ReservedPublisher)
	case isReserved(repo) || o.settings(ctx, repo).FreeTags:
		return nil
	}
	if _, err := artifact.ParseName(repo); err != nil {
		return errcode.Refuse(http.StatusBadRequest, errcode.NameInvalid, "%s", err)
	}
	return nil
}
