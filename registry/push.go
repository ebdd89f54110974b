package registry

import (
	"context"
	"net/http"
	"sync"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Push stores a manifest of repo under reference, a tag or its digest, as a PUT
// to /v2/ does: by the same gate, asked for nobody in particular, or for the
// process where ctx comes from AsProcess. mediaType "" is what the manifest
// says. When it returns nil, what it stored is durable, and the Sink was called.
//
// Errors wrap the kind of what refused: artifact.ErrInvalid, ErrDenied,
// ErrConflict (a tag that may not move), ErrNotFound, ErrStorage. One of no kind
// means that it could not be told, or not be done.
func (g *Registry) Push(ctx context.Context, repo, reference, mediaType string, content []byte) (digest.Digest, error) {
	return g.pushInside(ctx, repo, reference, mediaType, content, whatever)
}

// Replace is Push to a tag that must still mean was, or nothing where that is "".
// Where it does not, the error wraps artifact.ErrConflict and the tag stays.
func (g *Registry) Replace(ctx context.Context, repo, tag, mediaType string, content []byte, was digest.Digest) (digest.Digest, error) {
	if !storage.IsTag(tag) {
		return "", badTag(tag)
	}
	return g.pushInside(ctx, repo, tag, mediaType, content, func(have digest.Digest) bool { return have == was })
}

func (g *Registry) pushInside(ctx context.Context, repo, reference, mediaType string, content []byte, when condition) (digest.Digest, error) {
	at := route{kind: routeManifest, repo: repo}
	if err := storage.CheckRepository(repo); err != nil {
		return "", err
	}
	if err := at.reference(reference); err != nil {
		return "", err
	}
	if err := g.enter(ctx, at, Push, at.setsVersion(http.MethodPut)); err != nil {
		return "", err
	}
	switch {
	case at.badTag != nil:
		return "", at.badTag
	case len(content) > artifact.MaxManifest:
		return "", manifestTooLarge(artifact.MaxManifest)
	}
	_, as, err := g.push(ctx, at, mediaType, content, when)
	return as, err
}

// PushBlob stores content in repo, as an upload to /v2/ does: by the same gate,
// and with errors of the same kinds as Push. What is there already is a success.
func (g *Registry) PushBlob(ctx context.Context, repo string, content []byte) (digest.Digest, error) {
	at, d := route{kind: routeUploadStart, repo: repo}, digest.FromBytes(content)
	if err := storage.CheckRepository(repo); err != nil {
		return "", err
	}
	if err := g.enter(ctx, at, Push, false); err != nil {
		return "", err
	}
	if _, _, held := g.holds(ctx, repo, d); held {
		return d, nil
	}
	end, err := g.opts.takeRoom(ctx, at, int64(len(content)))
	if err != nil {
		return "", err
	}
	if err := g.storage.PutBlob(ctx, repo, d, content); err != nil {
		end(0)
		return "", err
	}
	end(int64(len(content)))
	return d, nil
}

// push stores a manifest after every rule of the gate held, under the lock of
// its tag, so that of two racing pushes one decides and one is refused. The
// caller has asked who may. when is what a tag
// has to meet. as is the digest that the manifest is known by.
func (g *Registry) push(ctx context.Context, at route, mediaType string, content []byte, when condition) (m *storage.Manifest, as digest.Digest, err error) {
	if m, err = parseManifest(mediaType, content); err != nil {
		return nil, "", err
	}
	as = m.Digest
	if at.digest != "" {
		as = at.digest
		if got := as.Algorithm().FromBytes(content); got != as {
			return nil, "", errcode.Refuse(http.StatusBadRequest, errcode.DigestInvalid, "the manifest was pushed as %s, but its bytes have digest %s", as, got)
		}
	}
	unlock, err := g.storage.Lock(ctx, at.repo, at.tag)
	if err != nil {
		return nil, "", err
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	// From here on the push finishes even when its client leaves.
	ctx = driver.Later(context.WithoutCancel(ctx))
	was, err := g.checkPush(ctx, at, m, when)
	if err != nil {
		return nil, "", err
	}
	room, err := g.admitManifest(ctx, at, m, 0)
	if err != nil {
		return nil, "", err
	}
	defer room.Release()
	if err := g.keep(ctx, at, m, as, room, was); err != nil {
		return nil, "", err
	}
	g.blocks.Forget(at.repo)
	if at.tag != "" {
		g.storage.DropFallback(at.repo, at.tag)
	}
	unlock()
	g.notify(ctx, pushed(at, m, g.storage.Now())...)
	return m, as, nil
}

// checkPush holds m to the rules of its tag, or to those of what has none: what
// a tag of a ledger takes, the ledger's own rules say.
func (g *Registry) checkPush(ctx context.Context, at route, m *storage.Manifest, when condition) (was driver.Held, err error) {
	if at.tag == "" {
		return was, checkLoose(at.repo, m)
	}
	have, was, err := g.checkTag(ctx, at.repo, at.tag, m, nil)
	if err != nil {
		return was, err
	}
	return was, checkCondition(when, at, have, m)
}
