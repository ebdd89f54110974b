package driver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"

	"github.com/oarlock/oarlock/artifact"
)

// InstanceDriver is the name under which distribution finds a driver that is
// already made, so that its handler and ours share one.
const InstanceDriver = "oarlock"

func init() { factory.Register(InstanceDriver, instances{}) }

type instances struct{}

// Create hands out the driver in parameters["instance"].
func (instances) Create(_ context.Context, parameters map[string]any) (storagedriver.StorageDriver, error) {
	d, ok := parameters["instance"].(storagedriver.StorageDriver)
	if !ok {
		return nil, errors.New(`storage driver "oarlock": parameter "instance" is missing`)
	}
	return d, nil
}

// Driver completes a distribution driver: a move on the filesystem is synced
// like every other write, and faults are noted for whoever answers the request.
type Driver struct {
	storagedriver.StorageDriver
	root     string // of the filesystem driver, else ""
	readOnly bool   // nothing is brought back that a collector set aside
	// barrier is what a push waits for instead of syncing file by file; nil
	// where storage has none, or where others write too.
	barrier      *barrier
	closeBarrier func() error
	unlock       func() error // of the directory
	// fence is nil where this process alone writes and its locks cannot be lost.
	fence  fence
	proven atomic.Bool // the fence was seen to hold
	// folders is held, shared, from making a folder until something is in it,
	// and alone by whoever removes empty ones.
	folders sync.RWMutex
	// generations counts, by repository, what this process changed in it.
	generations sync.Map
}

// Root is the directory of the filesystem driver, else "".
func (d *Driver) Root() string { return d.root }

// Fenced reports whether files are replaced only where they still hold what
// the write was decided on.
func (d *Driver) Fenced() bool { return d.fence != nil }

// TryFolders keeps folders from being made, until FreeFolders: false where one
// is being made right now.
func (d *Driver) TryFolders() bool { return d.folders.TryLock() }

// FreeFolders ends what TryFolders began.
func (d *Driver) FreeFolders() { d.folders.Unlock() }

// PutContent stores content at path, whole or not at all.
func (d *Driver) PutContent(ctx context.Context, path string, content []byte) error {
	if strings.HasSuffix(path, "/hashstates/sha256/0") {
		return nil // the state of a hash over nothing, which would outlive a cancelled upload
	}
	defer d.changes(path)()
	if d.isScratch(path) {
		return note(ctx, d.putScratch(path, content))
	}
	d.folders.RLock()
	defer d.folders.RUnlock()
	if d.isLater(ctx) {
		return note(ctx, d.putLater(path, content))
	}
	return note(ctx, d.StorageDriver.PutContent(ctx, path, content))
}

// Writer opens path for writing.
func (d *Driver) Writer(ctx context.Context, path string, appends bool) (storagedriver.FileWriter, error) {
	open := d.StorageDriver.Writer
	if d.isScratch(path) {
		open = func(_ context.Context, path string, appends bool) (storagedriver.FileWriter, error) {
			return d.openScratch(path, appends)
		}
	}
	d.folders.RLock()
	w, err := open(ctx, path, appends)
	d.folders.RUnlock()
	if err != nil {
		return nil, note(ctx, err)
	}
	out := &writer{FileWriter: w, ctx: ctx}
	if f, ok := ctx.Value(faultKey{}).(*Fault); ok {
		f.opened(out)
	}
	return out, nil
}

// Move renames from to to and makes the new name durable, or leaves that to
// the barrier.
func (d *Driver) Move(ctx context.Context, from, to string) error {
	defer d.changes(to)()
	d.folders.RLock()
	defer d.folders.RUnlock()
	if err := d.StorageDriver.Move(ctx, from, to); err != nil || d.root == "" || d.isLater(ctx) {
		return note(ctx, err)
	}
	return note(ctx, syncDir(filepath.Dir(filepath.Join(d.root, to))))
}

// Delete removes path and what is below it.
func (d *Driver) Delete(ctx context.Context, path string) error {
	defer d.changes(path)()
	return note(ctx, d.StorageDriver.Delete(ctx, path))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return errors.Join(f.Sync(), f.Close())
}

// writer notes the faults of one file.
type writer struct {
	storagedriver.FileWriter
	ctx   context.Context
	ended atomic.Bool // closed or cancelled
}

func (w *writer) Write(p []byte) (int, error) {
	n, err := w.FileWriter.Write(p)
	return n, note(w.ctx, err)
}

func (w *writer) Commit(ctx context.Context) error { return note(ctx, w.FileWriter.Commit(ctx)) }

func (w *writer) Close() error {
	w.ended.Store(true)
	return note(w.ctx, w.FileWriter.Close())
}

func (w *writer) Cancel(ctx context.Context) error {
	w.ended.Store(true)
	return w.FileWriter.Cancel(ctx)
}

// A Fault holds the first thing that went wrong in storage during a request;
// distribution's handler would turn it into "unknown error".
type Fault struct {
	mu      sync.Mutex
	err     error
	writers []*writer
}

func (f *Fault) opened(w *writer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writers = append(f.writers, w)
}

// CloseAll closes the files that the request left open, as distribution does
// where it cannot store the state of a hash: a file that is open keeps its
// room after it is removed.
func (f *Fault) CloseAll() {
	f.mu.Lock()
	left := f.writers
	f.writers = nil
	f.mu.Unlock()
	for _, w := range left {
		if !w.ended.Load() {
			_ = w.Close()
		}
	}
}

type faultKey struct{}

// WithFault makes ctx that of a request whose faults of storage are kept in f.
func WithFault(ctx context.Context) (context.Context, *Fault) {
	f := &Fault{}
	return context.WithValue(ctx, faultKey{}, f), f
}

// First is what went wrong first, or nil.
func (f *Fault) First() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

func note(ctx context.Context, err error) error {
	if err == nil || IsNotFound(err) {
		return err
	}
	err = asStorageError(err)
	if f, ok := ctx.Value(faultKey{}).(*Fault); ok {
		f.mu.Lock()
		if f.err == nil {
			f.err = err
		}
		f.mu.Unlock()
	}
	return err
}

// IsNotFound reports whether err says that nothing is stored at a path.
func IsNotFound(err error) bool {
	var missing storagedriver.PathNotFoundError
	return errors.As(err, &missing)
}

// MissingIsFine is err, or nil where that says that nothing is stored at a path.
func MissingIsFine(err error) error {
	if IsNotFound(err) {
		return nil
	}
	return err
}

// asStorageError is what a write was answered with, as an
// artifact.StorageError where the storage did not take it.
func asStorageError(err error) error {
	if known := StorageErrorIn(err); known != nil && !errors.Is(err, artifact.ErrStorage) {
		return known
	}
	return artifact.WriteError(err)
}

// StorageErrorIn is artifact.StorageErrorOf for what drivers and buckets say
// as well.
func StorageErrorIn(err error) *artifact.StorageError {
	var wrapped storagedriver.Error // has no Unwrap of its own
	if errors.As(err, &wrapped) && wrapped.Detail != nil {
		if known := StorageErrorIn(wrapped.Detail); known != nil {
			return &artifact.StorageError{Reason: known.Reason, Err: err}
		}
	}
	if isFullBucket(err) {
		return &artifact.StorageError{Reason: artifact.StorageFull, Err: err}
	}
	return artifact.StorageErrorOf(err)
}
