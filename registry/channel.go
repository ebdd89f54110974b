package registry

import (
	"context"
	"errors"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// SetChannel makes a channel tag of repo mean the manifest d, which must be
// there. It is the promotion that a push may not do; who may promote is for
// the caller to decide.
func (g *Registry) SetChannel(ctx context.Context, repo, channel string, d digest.Digest) error {
	if err := g.opts.checkWritable(AsProcess(ctx), repo); err != nil {
		return err
	}
	t, err := artifact.ParseChannel(channel)
	if err != nil {
		return err
	}
	if _, err := storage.ParseDigest(d.String()); err != nil {
		return err
	}
	event, err := g.setChannel(ctx, repo, t.String(), d)
	if err != nil {
		return err
	}
	g.notify(ctx, event)
	return nil
}

// setChannel is what SetChannel does under the tag's lock.
func (g *Registry) setChannel(ctx context.Context, repo, channel string, d digest.Digest) (e Event, err error) {
	unlock, err := g.Lock(ctx, repo, channel)
	if err != nil {
		return e, err
	}
	defer unlock()
	m, err := g.ManifestContent(ctx, repo, d)
	if err != nil {
		return e, storage.Describe(err, "channel %s:%s: manifest %s", repo, channel, d)
	}
	_, was, err := g.HeldTag(ctx, repo, channel)
	if err == nil || errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) { // a damaged one is replaced
		err = g.StillLocked(ctx, repo, channel)
	}
	if err != nil {
		return e, storage.Describe(err, "channel %s:%s", repo, channel)
	}
	if err := g.moveTag(context.WithoutCancel(ctx), repo, channel, m, was); err != nil {
		return e, storage.Describe(err, "channel %s:%s", repo, channel)
	}
	return Event{Kind: TagSet, Repository: repo, Tag: channel, Descriptor: m.Descriptor(), Time: g.opts.Now()}, nil
}

// RemoveChannel removes a channel tag of repo; what it meant stays under its
// version tag. Errors wrap artifact.ErrNotFound where there is no such channel.
// Who may remove it is for the caller to decide.
func (g *Registry) RemoveChannel(ctx context.Context, repo, channel string) error {
	if err := g.opts.checkWritable(AsProcess(ctx), repo); err != nil {
		return err
	}
	t, err := artifact.ParseChannel(channel)
	if err != nil {
		return err
	}
	event, err := g.removeChannel(ctx, repo, t.String())
	if err != nil {
		return err
	}
	g.notify(ctx, event)
	return nil
}

// removeChannel is what RemoveChannel does under the repository's lock.
func (g *Registry) removeChannel(ctx context.Context, repo, channel string) (e Event, err error) {
	unlock, err := g.opts.Locker.Lock(ctx, "repository/"+repo, false) // alone, as every delete
	if err != nil {
		return e, storage.LockError(err)
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	d, was, err := g.HeldTag(ctx, repo, channel)
	if err != nil && !errors.Is(err, artifact.ErrUnverified) { // a damaged one may go
		return e, storage.Describe(err, "channel %s:%s", repo, channel)
	}
	if err := g.StillAlone(ctx, repo); err != nil {
		return e, storage.Describe(err, "channel %s:%s", repo, channel)
	}
	if err := g.RemoveTag(ctx, repo, channel, was); err != nil {
		return e, storage.Describe(err, "channel %s:%s", repo, channel)
	}
	return Event{Kind: TagDeleted, Repository: repo, Tag: channel, Descriptor: ocispec.Descriptor{Digest: d}, Time: g.opts.Now()}, nil
}
