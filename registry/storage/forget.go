package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"path"

	"github.com/opencontainers/go-digest"

	"github.com/oarlock/oarlock/artifact"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// forgetTries is how often a link is removed that a reader puts back meanwhile.
const forgetTries = 4

// ForgetLink removes the link of kind that makes d belong to repo, which leads
// to target; one that is not there is fine. The caller holds the repository's
// lock alone.
//
// What a link says never changes, so no condition tells one that was written
// again from the one that was to be removed. Where other processes write too,
// it is therefore first set aside, as a collector does: reading it puts it back.
// What was set aside goes when the delete has arrived and the lock is held
// still. So a delete that arrives late, of a process that lost its lock or is
// dead, takes nothing away from whoever relied on the link since; at worst what
// was to be deleted is there still, and nobody was told otherwise.
func (s *Storage) ForgetLink(ctx context.Context, repo string, kind driver.LinkKind, d, target digest.Digest) error {
	at := driver.LinkPath(repo, kind, d)
	if target == "" {
		target = d // the link is damaged
	}
	if !s.driver.Fenced() {
		return driver.MissingIsFine(s.DeleteLink(ctx, path.Dir(at), at))
	}
	for range forgetTries {
		there, err := s.forgetLink(ctx, repo, kind, d, target)
		if err != nil || !there {
			return err
		}
	}
	return fmt.Errorf("%s %s of %s: others read it again and again while it is deleted; try again: %w", kind, d, repo, artifact.ErrConflict)
}

// forgetLink is one try; there is that somebody put the link back.
func (s *Storage) forgetLink(ctx context.Context, repo string, kind driver.LinkKind, d, target digest.Digest) (there bool, err error) {
	defer driver.LockSweep()()
	at, aside := driver.LinkPath(repo, kind, d), driver.SetAsidePath(repo, kind, d)
	content, err := json.Marshal(driver.Tombstone{Target: target, Since: s.opts.Now().UTC(), Run: "delete"})
	if err != nil {
		return false, err
	}
	if err := s.driver.PutContent(ctx, aside, content); err != nil {
		return false, err
	}
	if err := s.StillAlone(ctx, repo); err != nil {
		return false, err // set aside beside a link in force is nothing
	}
	if err := driver.MissingIsFine(s.DeleteLink(ctx, at, at)); err != nil {
		return false, err
	}
	if err := s.StillAlone(ctx, repo); err != nil {
		return false, err // reading it puts it back
	}
	if err := driver.MissingIsFine(s.driver.StorageDriver.Delete(ctx, aside)); err != nil {
		return false, err
	}
	_, err = s.driver.StorageDriver.Stat(ctx, at)
	return err == nil, driver.MissingIsFine(err)
}
