package storage

import (
	"context"
)

// A Locker excludes writers.
type Locker interface {
	// Lock waits for the lock on key, shared or exclusive, until ctx ends; unlock
	// is called exactly once.
	Lock(ctx context.Context, key string, shared bool) (unlock func(), err error)
	// Held returns nil where the caller's exclusive lock on key is held still: a
	// lock that other processes share can be lost. A tag is set only then.
	Held(ctx context.Context, key string) error
}

// Lock takes the repository, shared, and the tag, alone.
func (s *Storage) Lock(ctx context.Context, repo, tag string) (func(), error) {
	leave, err := s.opts.Locker.Lock(ctx, "repository/"+repo, true)
	if err != nil || tag == "" {
		return leave, LockError(err)
	}
	release, err := s.opts.Locker.Lock(ctx, tagLock(repo, tag), false)
	if err != nil {
		leave()
		return nil, LockError(err)
	}
	return func() { release(); leave() }, nil
}

func tagLock(repo, tag string) string { return "tag/" + repo + ":" + tag }

// StillAlone refuses where the exclusive lock on the repository was lost since
// it was taken: what was decided under it may be wrong now.
func (s *Storage) StillAlone(ctx context.Context, repo string) error {
	return LockError(s.opts.Locker.Held(ctx, "repository/"+repo))
}

// StillLocked refuses where the tag's lock was lost since lock took it: what was
// checked under it may have changed.
func (s *Storage) StillLocked(ctx context.Context, repo, tag string) error {
	if tag == "" {
		return nil
	}
	return LockError(s.opts.Locker.Held(ctx, tagLock(repo, tag)))
}
