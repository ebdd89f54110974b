package registry

import (
	"context"
	"errors"
	"sync"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage"
)

// Erase removes every tag of repo but that of its ledger, version tags too: what
// they reach goes with the next collection. It may be cut at any point and done
// again. Who may, and what has to hold before, is for the caller to decide.
func (g *Registry) Erase(ctx context.Context, repo string) error {
	if err := g.opts.checkWritable(AsProcess(ctx), g.storage.ReadOnly(), repo); err != nil {
		return err
	}
	unlock, err := g.storage.Locker().Lock(ctx, "repository/"+repo, false) // alone, as every delete
	if err != nil {
		return storage.LockError(err)
	}
	unlock = sync.OnceFunc(unlock)
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	tags, err := g.storage.TagNames(ctx, repo)
	if err != nil {
		return err
	}
	var events []Event
	for _, tag := range tags {
		if tag == artifact.StateTag {
			continue
		}
		event, err := eraseTag(ctx, g.storage, repo, tag)
		if err != nil {
			unlock()
			g.notify(ctx, events...)
			return storage.Describe(err, "erase %s:%s", repo, tag)
		}
		events = append(events, event...)
	}
	unlock()
	g.notify(ctx, events...)
	return nil
}

func eraseTag(ctx context.Context, s *storage.Storage, repo, tag string) ([]Event, error) {
	d, was, err := s.HeldTag(ctx, repo, tag)
	if errors.Is(err, artifact.ErrNotFound) {
		return nil, nil // a push or a delete of it was cut
	}
	if err != nil && !errors.Is(err, artifact.ErrUnverified) { // a damaged one may go
		return nil, err
	}
	if err := s.StillAlone(ctx, repo); err != nil {
		return nil, err
	}
	if err := s.RemoveTag(ctx, repo, tag, was); err != nil && !errors.Is(err, artifact.ErrNotFound) {
		return nil, err
	}
	s.DropFallback(repo, tag)
	return []Event{{Kind: TagDeleted, Repository: repo, Tag: tag, Descriptor: ocispec.Descriptor{Digest: d}, Time: s.Now()}}, nil
}
