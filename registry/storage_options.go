package registry

import (
	"github.com/oarlock/oarlock/registry/storage"
	"github.com/oarlock/oarlock/registry/storage/driver"
)

// Storage is what of o concerns the storage.
func (o Options) Storage() storage.Options {
	return storage.Options{
		Options: driver.Options{
			Dir: o.Dir, Driver: o.Driver, Parameters: o.Parameters,
			ReadOnly: o.ReadOnly, Replicated: o.Replicated, Logger: o.Logger,
		},
		Locker: o.Locker, Withholds: o.Withholds, Now: o.Now, CacheBytes: o.CacheBytes,
	}
}
