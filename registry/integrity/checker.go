package integrity

import (
	"log/slog"

	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// A Checker finds what is wrong with a storage and makes good what it can. All of
// it may be used by many goroutines at once, beside whoever serves.
type Checker struct {
	store   *storage.Storage
	origins []Origin
	log     *slog.Logger
	driver  *driver.Driver
}

// New makes a Checker of s, which asks origins, in this order, for bytes that
// are damaged or missing.
func New(s *storage.Storage, origins []Origin) *Checker {
	return &Checker{store: s, origins: origins, log: s.Log(), driver: s.Driver()}
}
