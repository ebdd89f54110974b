package registry

import (
	"context"
	"errors"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// SetChannel makes a channel tag of repo mean the manifest d, which must be
// there. It is the promotion that a push may not do; who may promote is for
// the caller to decide.
func (g *Registry) SetChannel(ctx context.Context, repo, channel string, d digest.Digest) error {
	if err := g.opts.checkWritable(AsProcess(ctx), g.storage.ReadOnly(), repo); err != nil {
		return err
	}
	t, err := artifact.ParseChannel(channel)
	if err != nil {
		return err
	}
	if _, err := storage.ParseDigest(d.String()); err != nil {
		return err
	}
	unlock, err := g.storage.Lock(ctx, repo, t.String())
	if err != nil {
		return err
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	m, err := g.storage.ManifestContent(ctx, repo, d)
	if err != nil {
		return storage.Describe(err, "channel %s:%s: manifest %s", repo, channel, d)
	}
	_, was, err := g.storage.HeldTag(ctx, repo, t.String())
	if err == nil || errors.Is(err, artifact.ErrNotFound) || errors.Is(err, artifact.ErrUnverified) { // a damaged one is replaced
		err = g.storage.StillLocked(ctx, repo, t.String())
	}
	if err != nil {
		return storage.Describe(err, "channel %s:%s", repo, t.String())
	}
	if err := g.moveTag(context.WithoutCancel(ctx), repo, t.String(), m, was); err != nil {
		return storage.Describe(err, "channel %s:%s", repo, t.String())
	}
	unlock()
	g.notify(ctx, Event{Kind: TagSet, Repository: repo, Tag: channel, Descriptor: m.Descriptor(), Time: g.storage.Now()})
	return nil
}

// RemoveChannel removes a channel tag of repo; what it meant stays under its
// version tag. Errors wrap artifact.ErrNotFound where there is no such channel.
// Who may remove it is for the caller to decide.
func (g *Registry) RemoveChannel(ctx context.Context, repo, channel string) error {
	if err := g.opts.checkWritable(AsProcess(ctx), g.storage.ReadOnly(), repo); err != nil {
		return err
	}
	t, err := artifact.ParseChannel(channel)
	if err != nil {
		return err
	}
	unlock, err := g.storage.Locker().Lock(ctx, "repository/"+repo, false) // alone, as every delete
	if err != nil {
		return storage.LockError(err)
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	d, was, err := g.storage.HeldTag(ctx, repo, t.String())
	if err != nil && !errors.Is(err, artifact.ErrUnverified) { // a damaged one may go
		return storage.Describe(err, "channel %s:%s", repo, t.String())
	}
	if err := g.storage.StillAlone(ctx, repo); err != nil {
		return storage.Describe(err, "channel %s:%s", repo, t.String())
	}
	if err := g.storage.RemoveTag(ctx, repo, t.String(), was); err != nil {
		return storage.Describe(err, "channel %s:%s", repo, t.String())
	}
	unlock()
	g.notify(ctx, Event{Kind: TagDeleted, Repository: repo, Tag: channel, Descriptor: ocispec.Descriptor{Digest: d}, Time: g.storage.Now()})
	return nil
}
