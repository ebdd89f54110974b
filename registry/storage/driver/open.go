package driver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // the default driver
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"   // the driver of tests

	"github.com/oarlock/oarlock/artifact/durable"
)

// Options say where bytes are kept, and who else keeps them there.
type Options struct {
	// Dir is the directory of the filesystem driver; it is created.
	Dir string
	// Driver is the name of a distribution storage driver, "filesystem" where a
	// Storage is opened without one; Parameters are its parameters.
	Driver     string
	Parameters map[string]any
	// ReadOnly takes no lock, refuses every write and brings nothing back that a
	// collector set aside: a tool reads beside a running server.
	ReadOnly bool
	// Replicated says that other processes write to the same storage: facts that
	// may change are then read from it every time, and the Locker must exclude
	// those processes too.
	Replicated bool
	// Logger hears of a storage without conditional writes.
	Logger *slog.Logger
}

// Open opens the storage that o names, and its directory alone unless
// others share it. A directory that cannot be written or that another process
// holds is an error that says so. The caller closes the driver.
func Open(ctx context.Context, o Options) (*Driver, error) {
	unlock, err := openDir(o)
	if err != nil {
		return nil, err
	}
	d, err := open(ctx, o)
	if err != nil {
		return nil, errors.Join(err, unlock())
	}
	d.unlock = unlock
	return d, nil
}

// Peek opens the storage that o names as it is, to look at it once: nothing is
// made or locked, and there is nothing to close.
func Peek(ctx context.Context, o Options) (*Driver, error) {
	o.ReadOnly = true
	return open(ctx, o)
}

// openDir makes the directory of the filesystem driver and takes its lock,
// which replicas share instead.
func openDir(o Options) (unlock func() error, err error) {
	unlock = func() error { return nil }
	if o.Driver != "filesystem" {
		return unlock, nil
	}
	if o.Dir == "" {
		return nil, errors.New("no directory is set")
	}
	if o.ReadOnly {
		if _, err := os.ReadDir(o.Dir); err != nil {
			return nil, fmt.Errorf("directory %q: %w", o.Dir, err)
		}
		return unlock, nil
	}
	if err := durable.Private(o.Dir); err != nil {
		return nil, fmt.Errorf("directory %q: %w", o.Dir, err)
	}
	if o.Replicated {
		return unlock, nil
	}
	// Two processes over one directory could not keep a tag immutable.
	unlock, err = durable.Lock(filepath.Join(o.Dir, ".lock"))
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("directory %q: in use by another process; stop it, or open read-only", o.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("directory %q: %w", o.Dir, err)
	}
	return unlock, nil
}

// open makes the driver that o asks for.
func open(ctx context.Context, o Options) (*Driver, error) {
	parameters := map[string]any{}
	for k, v := range o.Parameters {
		parameters[k] = v
	}
	d := &Driver{readOnly: o.ReadOnly, unlock: func() error { return nil }}
	if o.Driver == "filesystem" {
		root, err := filepath.Abs(o.Dir)
		if err != nil || o.Dir == "" {
			return nil, fmt.Errorf("directory %q: an absolute path is needed: %w", o.Dir, err)
		}
		d.root, parameters["rootdirectory"] = root, root
		if !o.Replicated && !o.ReadOnly {
			if d.barrier, d.closeBarrier, err = openBarrier(root); err != nil {
				return nil, fmt.Errorf("directory %q: %w", root, err)
			}
		}
	}
	var err error
	if o.Driver == "s3" {
		var s *s3Store
		if s, err = newS3Store(ctx, parameters); err == nil {
			d.StorageDriver, d.fence = s, s
		}
	} else {
		d.StorageDriver, err = factory.Create(ctx, o.Driver, parameters)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("storage driver %q: %w", o.Driver, err), d.Close())
	}
	if d.root != "" && o.Replicated {
		d.fence = &dirFence{d.root, d.StorageDriver}
	}
	return d, nil
}

// Close gives back what the driver holds besides its storage.
func (d *Driver) Close() error {
	if d.closeBarrier == nil {
		return d.unlock()
	}
	return errors.Join(d.closeBarrier(), d.unlock())
}
