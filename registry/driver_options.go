package registry

import "github.com/oarlock/oarlock/registry/storage/driver"

// storage is what of o concerns the storage driver.
func (o Options) storage() driver.Options {
	return driver.Options{
		Dir: o.Dir, Driver: o.Driver, Parameters: o.Parameters,
		ReadOnly: o.ReadOnly, Replicated: o.Replicated, Logger: o.Logger,
	}
}
