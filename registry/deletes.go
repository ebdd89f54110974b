package registry

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/internal/errcode"
	"github.com/oarlock/oarlock/registry/storage"
)

// deleteManifest removes a tag or a manifest, where the namespace lets it.
func (g *Registry) deleteManifest(w http.ResponseWriter, r *http.Request, at route) error {
	unlock, err := g.storage.Locker().Lock(r.Context(), "repository/"+at.repo, false)
	if err != nil {
		return storage.LockError(err)
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	ctx := context.WithoutCancel(r.Context())
	free := g.opts.settings(ctx, at.repo).FreeTags
	var events []Event
	if at.tag != "" {
		events, err = g.deleteTag(ctx, at, free)
	} else {
		events, err = g.deleteRevision(ctx, at, free)
	}
	unlock()
	g.notify(ctx, events...) // also of the tags that went before something failed
	if err != nil {
		return manifestMissing(ctx, g.storage, err, at)
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (g *Registry) deleteTag(ctx context.Context, at route, free bool) ([]Event, error) {
	d, was, err := g.storage.HeldTag(ctx, at.repo, at.tag)
	if err != nil && !(free && errors.Is(err, artifact.ErrUnverified)) {
		return nil, err
	}
	if !free {
		return nil, errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported, "tag %q of %s cannot be deleted: %s", at.tag, at.repo, whyTagStays(at.repo, at.tag))
	}
	undo, err := g.opts.beginDelete(ctx, at, Removal{Tag: at.tag, Digest: d})
	if err != nil {
		return nil, err
	}
	if err := g.storage.StillAlone(ctx, at.repo); err != nil { // writing it down may have waited
		return nil, undo(err)
	}
	if err := g.storage.RemoveTag(ctx, at.repo, at.tag, was); err != nil {
		return nil, undo(tagStays(at.repo, err))
	}
	g.storage.DropFallback(at.repo, at.tag)
	return []Event{{Kind: TagDeleted, Repository: at.repo, Tag: at.tag, Descriptor: ocispec.Descriptor{Digest: d}, Time: g.storage.Now()}}, nil
}

// tagStays says that a tag was set by somebody else while it was to be removed.
func tagStays(repo string, err error) error {
	var moved *storage.MovedTag
	if !errors.As(err, &moved) {
		return err
	}
	return errcode.Refuse(http.StatusConflict, errcode.Denied, "tag %q of %s was not removed: it was set meanwhile, and holds %s; look at it and try again", moved.Tag, repo, moved.Have)
}

// deleteRevision gives what is gone with the error too.
func (g *Registry) deleteRevision(ctx context.Context, at route, free bool) (events []Event, err error) {
	to, err := g.storage.Revision(ctx, at.repo, at.digest)
	if err != nil {
		return events, err
	}
	if err := g.checkKept(ctx, at, to, free); err != nil {
		return events, err
	}
	holders, err := g.storage.TagsMeaning(ctx, at.repo, to)
	if err != nil {
		return events, storage.CouldNotTell("which tags mean this manifest", err)
	}
	for _, tag := range holders {
		gone, err := g.deleteTag(ctx, route{repo: at.repo, tag: tag, who: at.who}, free)
		if events = append(events, gone...); err != nil && !errors.Is(err, artifact.ErrNotFound) {
			return events, err
		}
	}
	event := Event{Kind: ManifestDeleted, Repository: at.repo, Descriptor: ocispec.Descriptor{Digest: to}, Time: g.storage.Now()}
	m, err := g.storage.LoadManifest(ctx, at.repo, to)
	switch {
	case err == nil:
		event.Descriptor = m.Descriptor()
		if m.Subject != nil {
			event.Subject = m.Subject.Digest
		}
	case !errors.Is(err, artifact.ErrUnverified): // a damaged one may go
		return events, err
	}
	undo, err := g.opts.beginDelete(ctx, at, Removal{Digest: to, Subject: event.Subject, ArtifactType: event.Descriptor.ArtifactType})
	if err != nil {
		return events, err
	}
	if m != nil {
		if err := g.storage.RemoveReferrer(ctx, at.repo, m); err != nil {
			return events, undo(err)
		}
	}
	if err := g.storage.ForgetRevision(ctx, at.repo, to); err != nil {
		return events, undo(err)
	}
	g.blocks.Forget(at.repo)
	return append(events, event), nil
}

// checkKept refuses to delete what somebody may rely on: what a tag reaches,
// and what refers to that. A review, an SBOM or a signature is not for the
// publisher to take away.
func (g *Registry) checkKept(ctx context.Context, at route, d digest.Digest, free bool) error {
	if free {
		return nil
	}
	by, kept, err := g.storage.KeptBy(ctx, at.repo, d)
	switch {
	case err != nil:
		return storage.CouldNotTell("what needs this manifest", err)
	case kept && by.Refers != "":
		return errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported,
			"manifest %s of %s cannot be deleted: it speaks about %s, which tag %q reaches, and what speaks about a version is kept; to change what it says, push a newer one: the last review and any good signature count", at.digest, at.repo, by.Refers, by.Tag)
	case kept:
		return errcode.Refuse(http.StatusMethodNotAllowed, errcode.Unsupported,
			"manifest %s of %s cannot be deleted: tag %q reaches it, and what a tag reaches is kept; %s", at.digest, at.repo, by.Tag, whyTagStays(at.repo, by.Tag))
	}
	return nil
}

// whyTagStays says why a tag cannot be deleted, and what to do instead.
func whyTagStays(repo, tag string) string {
	t, err := artifact.ParseTag(tag)
	switch {
	case err == nil && t.Kind() == artifact.TagVersion:
		return "versions are kept for those who use them: publish a fixed version, and ask the operator to block this one (oarlock block " + repo + "@" + tag + ") if nobody may pull it"
	case err == nil && t.Kind() == artifact.TagChannel:
		return "a channel moves by promotion (oarlock channel set " + repo + "@<version> " + tag + ") and is removed by oarlock channel remove " + repo + " " + tag
	case err == nil && t.Kind() == artifact.TagDigest:
		return "signatures, attestations and lists of referrers only grow: push what is newer to the same tag, behind what it holds"
	}
	return "a ledger only grows: what a statement says is changed by a later one"
}
