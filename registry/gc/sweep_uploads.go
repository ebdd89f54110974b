package gc

import (
	"context"
	"fmt"
	"path"
	"time"

	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Uploads says when the oldest upload in progress in repo began; false when
// there is none.
func (s Sweep) Uploads(ctx context.Context, repo string) (oldest time.Time, any bool, err error) {
	oldest, any = s.server.OldestUpload(repo)
	err = s.store.Driver().Entries(ctx, path.Join(driver.RepositoryRoot, repo, "_uploads"), func(at string) error {
		if !storage.IsUploadID(path.Base(at)) {
			return nil
		}
		content, err := s.raw().GetContent(ctx, path.Join(at, "startedat"))
		began, parse := time.Parse(time.RFC3339, string(content))
		if err != nil && !driver.IsNotFound(err) {
			return fmt.Errorf("read %s: %w", at, err)
		}
		if err != nil {
			return nil // what a cancelled or finished one left: nobody can go on with it
		}
		if parse != nil {
			fi, err := s.raw().Stat(ctx, path.Join(at, "startedat"))
			if err != nil {
				return driver.MissingIsFine(err)
			}
			began = fi.ModTime()
		}
		if !any || began.Before(oldest) {
			oldest, any = began, true
		}
		return nil
	})
	return oldest, any, err
}
