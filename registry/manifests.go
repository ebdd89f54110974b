package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
)

func (g *Registry) serveManifest(w http.ResponseWriter, r *http.Request, at route) error {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case at.badTag != nil && read:
		return g.manifestMissing(r.Context(), artifact.ErrNotFound, at)
	case at.badTag != nil:
		return at.badTag
	}
	switch r.Method {
	case http.MethodPut:
		return g.pushManifest(w, r, at)
	case http.MethodDelete:
		return g.deleteManifest(w, r, at)
	}
	return g.getManifest(w, r, at)
}

// getManifest serves the stored bytes, checked against their digest, in the
// type they were pushed with, whatever Accept says.
func (g *Registry) getManifest(w http.ResponseWriter, r *http.Request, at route) error {
	d := at.digest
	if at.tag != "" {
		var err error
		if d, err = g.resolveTag(r.Context(), at.repo, at.tag); err != nil {
			return g.manifestMissing(r.Context(), err, at)
		}
	}
	m, err := g.manifestContent(r.Context(), at.repo, d)
	if err != nil {
		return g.manifestMissing(r.Context(), err, at)
	}
	h := w.Header()
	h.Set("Docker-Content-Digest", d.String())
	h.Set("Etag", `"`+d.String()+`"`)
	if matchesETag(r.Header.Get("If-None-Match"), d) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", m.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(m.content)))
	if r.Method != http.MethodHead {
		w.Write(m.content)
	}
	return nil
}

func matchesETag(header string, d digest.Digest) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || strings.Trim(tag, `"`) == d.String() && tag != "" {
			return true
		}
	}
	return false
}

// manifestMissing turns ErrNotFound into the 404 of the specification.
func (g *Registry) manifestMissing(ctx context.Context, err error, at route) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	if ok, err := g.known(ctx, at.repo); err == nil && !ok {
		return unknownRepository(at.repo)
	}
	what := at.tag
	if what == "" {
		what = at.digest.String()
	}
	return refuse(http.StatusNotFound, manifestUnknown, "%s has no manifest %q", at.repo, what)
}

// pushManifest stores a manifest after every rule of the gate held, under the
// lock of its tag, so that of two racing pushes one decides and one is refused.
func (g *Registry) pushManifest(w http.ResponseWriter, r *http.Request, at route) error {
	content, err := readBody(r, artifact.MaxManifest)
	if err != nil {
		return err
	}
	m, parsed, err := parseManifest(r.Header.Get("Content-Type"), content)
	if err != nil {
		return err
	}
	as := m.digest
	if at.digest != "" {
		as = at.digest
		if got := as.Algorithm().FromBytes(content); got != as {
			return refuse(http.StatusBadRequest, digestInvalid, "the manifest was pushed as %s, but its bytes have digest %s", as, got)
		}
	}
	unlock, err := g.lock(r.Context(), at.repo, at.tag)
	if err != nil {
		return err
	}
	defer unlock()
	// From here on the push finishes even when its client leaves.
	ctx := context.WithoutCancel(r.Context())
	if at.tag != "" {
		if err := g.checkTag(ctx, at.repo, at.tag, m); err != nil {
			return err
		}
	}
	if err := g.mark(ctx, at.repo); err != nil {
		return err
	}
	if err := g.putManifest(ctx, at.repo, m, parsed, as); err != nil {
		return err
	}
	if err := g.putReferrer(ctx, at.repo, m); err != nil {
		return err
	}
	if at.tag != "" {
		if err := g.setTag(ctx, at.repo, at.tag, m.digest); err != nil {
			return err
		}
	}
	g.told(at, m)
	h := w.Header()
	h.Set("Location", "/v2/"+at.repo+"/manifests/"+as.String())
	h.Set("Docker-Content-Digest", as.String())
	if m.Subject != nil {
		h.Set("OCI-Subject", m.Subject.Digest.String())
	}
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusCreated)
	return nil
}

// told forgets what the push made stale and tells the sink.
func (g *Registry) told(at route, m *manifest) {
	e := Event{Kind: ManifestPushed, Repository: at.repo, Descriptor: m.descriptor(), Time: g.opts.Now()}
	if m.Subject != nil {
		e.Subject = m.Subject.Digest
	}
	g.opts.Sink.Notify(e)
	if at.tag != "" {
		g.dropFallback(at.repo, at.tag)
		e.Kind, e.Tag = TagSet, at.tag
		g.opts.Sink.Notify(e)
	}
}

// dropFallback forgets the referrers that a changed referrers tag fed.
func (g *Registry) dropFallback(repo, tag string) {
	if t, err := artifact.ParseTag(tag); err == nil && t.Kind() == artifact.TagDigest && t.Suffix() == "" {
		g.referrers.drop(referrersKey(repo, t.Subject()))
	}
}

// lock takes the repository, shared, and the tag, alone.
func (g *Registry) lock(ctx context.Context, repo, tag string) (func(), error) {
	leave, err := g.opts.Locker.Lock(ctx, "repository/"+repo, true)
	if err != nil || tag == "" {
		return leave, lockError(err)
	}
	release, err := g.opts.Locker.Lock(ctx, "tag/"+repo+":"+tag, false)
	if err != nil {
		leave()
		return nil, lockError(err)
	}
	return func() { release(); leave() }, nil
}

func lockError(err error) error {
	if err == nil {
		return nil
	}
	return couldNotTell("whether somebody else is writing the same", err)
}

// readBody reads a body of at most most bytes.
func readBody(r *http.Request, most int64) ([]byte, error) {
	tooBig := refuse(http.StatusRequestEntityTooLarge, sizeInvalid, "the manifest is larger than the limit of %d bytes", most).
		detail(map[string]int64{"limit": most})
	if r.ContentLength > most {
		return nil, tooBig
	}
	content, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, sizeInvalid, "the manifest was cut after %d bytes: %s", len(content), err)
	}
	if int64(len(content)) > most {
		return nil, tooBig
	}
	return content, nil
}

// deleteManifest removes a tag or a manifest, where the namespace lets it.
func (g *Registry) deleteManifest(w http.ResponseWriter, r *http.Request, at route) error {
	unlock, err := g.opts.Locker.Lock(r.Context(), "repository/"+at.repo, false)
	if err != nil {
		return lockError(err)
	}
	defer unlock()
	ctx := context.WithoutCancel(r.Context())
	free := g.settings(ctx, at.repo).FreeTags
	if at.tag != "" {
		err = g.deleteTag(ctx, at, free)
	} else {
		err = g.deleteRevision(ctx, at, free)
	}
	if err != nil {
		return g.manifestMissing(ctx, err, at)
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (g *Registry) deleteTag(ctx context.Context, at route, free bool) error {
	d, err := g.resolveTag(ctx, at.repo, at.tag)
	if err != nil && !(free && errors.Is(err, artifact.ErrUnverified)) {
		return err
	}
	if !free {
		return refuse(http.StatusMethodNotAllowed, unsupported,
			"tag %q of %s cannot be deleted: versions are kept for those who use them, signatures and the ledger only grow, channels move by promotion; yank or remove it through the lifecycle instead", at.tag, at.repo)
	}
	if err := g.removeTag(ctx, at.repo, at.tag); err != nil {
		return err
	}
	g.dropFallback(at.repo, at.tag)
	g.opts.Sink.Notify(Event{Kind: TagDeleted, Repository: at.repo, Tag: at.tag, Descriptor: ocispec.Descriptor{Digest: d}, Time: g.opts.Now()})
	return nil
}

func (g *Registry) deleteRevision(ctx context.Context, at route, free bool) error {
	to, err := g.revision(ctx, at.repo, at.digest)
	if err != nil {
		return err
	}
	holders, err := g.tagsReaching(ctx, at.repo, to, !free)
	if err != nil {
		return couldNotTell("which tags need this manifest", err)
	}
	if !free && len(holders) > 0 {
		return refuse(http.StatusMethodNotAllowed, unsupported,
			"manifest %s of %s cannot be deleted: tag %q reaches it, and what a tag reaches is kept", at.digest, at.repo, holders[0])
	}
	for _, tag := range holders {
		if err := g.deleteTag(ctx, route{repo: at.repo, tag: tag}, true); err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return err
		}
	}
	event := Event{Kind: ManifestDeleted, Repository: at.repo, Descriptor: ocispec.Descriptor{Digest: to}, Time: g.opts.Now()}
	m, err := g.loadManifest(ctx, at.repo, to)
	switch {
	case err == nil:
		event.Descriptor = m.descriptor()
		if m.Subject != nil {
			event.Subject = m.Subject.Digest
		}
		if err := g.removeReferrer(ctx, at.repo, m); err != nil {
			return err
		}
	case !errors.Is(err, artifact.ErrUnverified): // a damaged one may go
		return err
	}
	if err := g.forgetRevision(ctx, at.repo, to); err != nil {
		return err
	}
	g.opts.Sink.Notify(event)
	return nil
}

// forgetRevision removes the revision link of d and those of other algorithms
// that lead to it. The bytes are left to garbage collection.
func (g *Registry) forgetRevision(ctx context.Context, repo string, d digest.Digest) error {
	dir := path.Join(revisionsDir(repo), digest.SHA512.String())
	entries, err := g.driver.List(ctx, dir)
	if err != nil && !isNotFound(err) {
		return err
	}
	for _, e := range entries {
		alias := digest.NewDigestFromEncoded(digest.SHA512, path.Base(e))
		to, err := g.readLink(ctx, path.Join(e, "link"))
		if err != nil || to != d {
			continue
		}
		if err := g.deleteLink(ctx, e, path.Join(e, "link")); err != nil && !isNotFound(err) {
			return err
		}
		g.manifests.drop(repo + "@" + alias.String())
	}
	err = g.deleteLink(ctx, path.Dir(revisionPath(repo, d)), revisionPath(repo, d))
	g.manifests.drop(repo + "@" + d.String())
	if isNotFound(err) {
		return nil
	}
	return err
}
