package upkeep

import (
	"context"
	"time"

	"github.com/oarlock/oarlock/cmd/internal/periodic"
	"github.com/oarlock/oarlock/registry"
)

// uploadsEvery is how often it is looked for uploads that nobody finished.
const uploadsEvery = 6 * time.Hour

// Uploads is the task that removes uploads that nobody finished.
func Uploads(r *registry.Registry) []periodic.Task {
	return []periodic.Task{{Name: "old_uploads", Every: uploadsEvery, Jitter: uploadsEvery / 20, Run: func(ctx context.Context) error {
		_, err := r.PurgeUploads(ctx)
		return err
	}}}
}
