package registry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

func (g *Registry) serveManifest(w http.ResponseWriter, r *http.Request, at route) error {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case at.badTag != nil && read:
		return manifestMissing(r.Context(), g.storage, artifact.ErrNotFound, at)
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
		if err := g.opts.admitLedger(r.Context(), at); err != nil {
			return manifestMissing(r.Context(), g.storage, err, at)
		}
		var err error
		if d, err = g.storage.ResolveTag(r.Context(), at.repo, at.tag); err != nil {
			return manifestMissing(r.Context(), g.storage, err, at)
		}
	}
	m, err := g.storage.ManifestContent(r.Context(), at.repo, d)
	if err != nil {
		return manifestMissing(r.Context(), g.storage, err, at)
	}
	if err := g.admitContent(r.Context(), at, m.Digest); err != nil {
		return err
	}
	if r.Method == http.MethodHead && g.storage.Lacks(r.Context(), at.repo, m) {
		return manifestMissing(r.Context(), g.storage, artifact.ErrNotFound, at)
	}
	g.storage.EnsureReferrer(r.Context(), at.repo, m)
	h := w.Header()
	h.Set("Docker-Content-Digest", d.String())
	h.Set("Etag", `"`+d.String()+`"`)
	if matchesETag(r.Header.Get("If-None-Match"), d) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", m.Type)
	h.Set("Content-Length", strconv.Itoa(len(m.Content)))
	if r.Method != http.MethodHead {
		w.Write(m.Content)
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
func manifestMissing(ctx context.Context, in *storage.Storage, err error, at route) error {
	if !errors.Is(err, artifact.ErrNotFound) {
		return err
	}
	if ok, err := in.Known(ctx, at.repo); err == nil && !ok {
		return unknownRepository(at.repo)
	}
	what := at.tag
	if what == "" {
		what = at.digest.String()
	}
	return errcode.Refuse(http.StatusNotFound, errcode.ManifestUnknown, "%s has no manifest %q", at.repo, what)
}

// pushManifest answers a push of a manifest.
func (g *Registry) pushManifest(w http.ResponseWriter, r *http.Request, at route) error {
	content, err := readBody(r, artifact.MaxManifest)
	if err != nil {
		return err
	}
	m, as, err := g.push(r.Context(), at, r.Header.Get("Content-Type"), content, conditionOf(r.Header))
	if err != nil {
		return err
	}
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

// keep stores m and all that makes it found. What it holds and the manifest
// itself are durable before the tag is set, so that a tag never means what a
// power cut can take, and the tag is before the answer.
func (g *Registry) keep(ctx context.Context, at route, m *storage.Manifest, as digest.Digest, room Reservation, was driver.Held) error {
	if err := g.storage.PutManifest(ctx, at.repo, m, as); err != nil {
		return err
	}
	if err := g.storage.Mark(ctx, at.repo); err != nil {
		return err
	}
	if err := g.storage.PutReferrer(ctx, at.repo, m); err != nil {
		return err
	}
	if err := g.driver.Settle(ctx); err != nil {
		return err
	}
	if err := g.storage.StillLocked(ctx, at.repo, at.tag); err != nil {
		return err
	}
	if err := room.Commit(ctx); err != nil {
		return admission(err)
	}
	if at.tag == "" {
		return nil
	}
	if err := g.settleTag(ctx, at, m, was); err != nil {
		return room.Failed(ctx, err)
	}
	return nil
}

// settleTag sets the tag and makes it durable.
func (g *Registry) settleTag(ctx context.Context, at route, m *storage.Manifest, was driver.Held) error {
	if err := g.storage.StillLocked(ctx, at.repo, at.tag); err != nil { // the commit may have waited
		return err
	}
	if err := g.moveTag(ctx, at.repo, at.tag, m, was); err != nil {
		return err
	}
	return g.driver.Settle(ctx)
}

// A condition says whether a tag that means have, or nothing where that is "", may
// be set.
type condition func(have digest.Digest) bool

func whatever(digest.Digest) bool { return true }

// conditionOf is what a client says that a tag means: If-Match with the digests
// that it may mean, in quotes, or If-None-Match with * where it may mean none.
//
// Source: RFC 9110, sections 13.1.1 and 13.1.2.
func conditionOf(h http.Header) condition {
	is, not := h.Get("If-Match"), h.Get("If-None-Match")
	return func(have digest.Digest) bool {
		if is != "" && (have == "" || !matchesETag(is, have)) {
			return false
		}
		return not == "" || have == "" || !matchesETag(not, have)
	}
}

// checkCondition holds a push to a tag to what the tag may mean.
func checkCondition(when condition, at route, have digest.Digest, m *storage.Manifest) error {
	if when(have) {
		return nil
	}
	r := tagMoved(at.repo, at.tag, have, m)
	r.Status = http.StatusPreconditionFailed
	return r
}

// pushed is what the Sink is told of a push.
func pushed(at route, m *storage.Manifest, now time.Time) []Event {
	e := Event{Kind: ManifestPushed, Repository: at.repo, Descriptor: m.Descriptor(), Time: now}
	if m.Subject != nil {
		e.Subject = m.Subject.Digest
	}
	if at.tag == "" {
		return []Event{e}
	}
	set := e
	set.Kind, set.Tag = TagSet, at.tag
	return []Event{e, set}
}

func manifestTooLarge(most int64) *errcode.Refusal {
	return errcode.Refuse(http.StatusRequestEntityTooLarge, errcode.SizeInvalid, "the manifest is larger than the limit of %d bytes", most).
		Detail(map[string]int64{"limit": most})
}

// readBody reads a body of at most most bytes.
func readBody(r *http.Request, most int64) ([]byte, error) {
	tooBig := manifestTooLarge(most)
	if r.ContentLength > most {
		return nil, tooBig
	}
	content, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		return nil, errcode.Refuse(http.StatusBadRequest, errcode.SizeInvalid, "the manifest was cut after %d bytes: %s", len(content), err)
	}
	if int64(len(content)) > most {
		return nil, tooBig
	}
	return content, nil
}
