package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/oarlock/oarlock/artifact"
)

// refuseStale refuses to go back to an older version because a catalog has not
// heard of the one that is active: no registry forgets a version, so that such
// an answer is older than the one that it was installed by. A catalog that
// knows the version, and does not give it any more, is believed: it may be
// yanked, or its channel moved.
func (s *Store) refuseStale(ctx context.Context, now, next set) error {
	for _, e := range next.Plugins {
		have := now.find(e.ID)
		if have == nil || e.Version.Compare(have.Version) >= 0 {
			continue
		}
		known, err := s.options.Client.Version(ctx, have.ID, have.Version)
		switch {
		case errors.Is(err, artifact.ErrNotFound):
			return fmt.Errorf("%s: the catalog's answer is stale: it gives %s and has not heard of %s, which is active: %w", e.ID, e.Version, have.Version, artifact.ErrUnverified)
		case err != nil:
			return fmt.Errorf("%s: could not tell whether the catalog's answer is stale: %w", e.ID, err)
		case known.Digest == "" && standingOf(known).Withdrawn(): // what nobody may pull is told without its digest
		case known.Digest == "":
			return fmt.Errorf("%s: could not tell whether the catalog's answer is stale: it gives %s, which is active, without a digest", e.ID, have.Version)
		case known.Digest != have.Digest:
			return fmt.Errorf("%s: the catalog says that %s is %s, and %s is active: %w", e.ID, have.Version, known.Digest, have.Digest, artifact.ErrUnverified)
		}
	}
	return nil
}
