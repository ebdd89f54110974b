package driver

import (
	"context"
	"errors"

	storagedriver "github.com/distribution/distribution/v3/registry/storage/driver"
)

// A fence replaces or removes a file only where it still holds what that was
// decided on. A lock of a server that can be lost (a connection that ends, a server of
// locks that is replaced) says who should write; a write that was on its way
// when the lock was lost arrives all the same, and only where it arrives can it
// be refused.
//
//	bucket     If-None-Match: * for a file that was not there, else If-Match
//	directory  compared under a lock of the file system, which a process cannot lose and go on
//
// A driver without one is written by one process alone.
type fence interface {
	// read gives what at holds; PathNotFoundError where nothing is there.
	read(ctx context.Context, at string) (Held, error)
	// replace stores content at path where that holds what was holds, else ErrMoved.
	replace(ctx context.Context, at string, content []byte, was Held) error
	// remove makes at hold nothing where it holds what was holds, else ErrMoved.
	// An empty file may stay, which means nothing too.
	// Otherwise all of dir goes, the folder of at or one above it.
	remove(ctx context.Context, dir, at string, was Held) error
}

// Held is what a file held when it was read. The zero value is that of a file
// that was not there.
type Held struct {
	There   bool
	version string // the store's name for this content, such as an ETag
	Content string
}

// ErrMoved says that a file was changed since it was read, so nothing was written.
var ErrMoved = errors.New("what is stored was changed by somebody else meanwhile")

// errUnfenced says that a storage has no conditional writes.
var errUnfenced = errors.New("the storage has no conditional writes")

// ReadHeld is GetContent, and what ReplaceHeld asks for. A file that is not
// there is the zero Held.
func (d *Driver) ReadHeld(ctx context.Context, at string) (Held, error) {
	var h Held
	var err error
	if d.fence == nil {
		var content []byte
		content, err = d.GetContent(ctx, at)
		h = Held{There: err == nil, Content: string(content)}
	} else {
		h, err = d.fence.read(ctx, at)
	}
	if IsNotFound(err) {
		return Held{}, nil
	}
	return h, note(ctx, err)
}

// ReplaceHeld is PutContent where at still holds what was holds, else ErrMoved.
func (d *Driver) ReplaceHeld(ctx context.Context, at string, content []byte, was Held) error {
	if d.fence == nil {
		return d.PutContent(ctx, at, content)
	}
	if err := d.prove(ctx); err != nil {
		return note(ctx, err)
	}
	if was.There && was.Content == string(content) {
		return d.heldStill(ctx, at, was) // nothing to write, but what was read may be old
	}
	defer d.changes(at)()
	d.folders.RLock()
	defer d.folders.RUnlock()
	err := d.fence.replace(ctx, at, content, was)
	if errors.Is(err, ErrMoved) {
		return err // no fault of the storage
	}
	return note(ctx, err)
}

// heldStill is ErrMoved where at no longer holds what was holds.
func (d *Driver) heldStill(ctx context.Context, at string, was Held) error {
	is, err := d.ReadHeld(ctx, at)
	if err == nil && (!is.There || is.Content != was.Content) {
		return ErrMoved
	}
	return err
}

// DeleteHeld makes at hold nothing where it still holds what was holds, else
// ErrMoved: a delete that was on its way when a lock was lost removes nothing
// that was written since. In a bucket, whose deletes have no condition that all
// stores know, an empty file stays; it is for files of which an empty one means
// the same as none. Elsewhere all of dir goes, the folder of at or one above it.
func (d *Driver) DeleteHeld(ctx context.Context, dir, at string, was Held) error {
	if d.fence == nil {
		return d.Delete(ctx, dir)
	}
	if !was.There || was.Content == "" {
		return storagedriver.PathNotFoundError{Path: at, DriverName: d.Name()}
	}
	if err := d.prove(ctx); err != nil {
		return note(ctx, err)
	}
	defer d.changes(at)()
	err := d.fence.remove(ctx, dir, at, was)
	if errors.Is(err, ErrMoved) {
		return err
	}
	return note(ctx, err)
}

// Swap replaces what at holds by what change makes of it, and asks it again
// where somebody else was faster.
func (d *Driver) Swap(ctx context.Context, at string, change func(Held) ([]byte, error)) error {
	for try := 0; ; try++ {
		was, err := d.ReadHeld(ctx, at)
		if err != nil {
			return err
		}
		content, err := change(was)
		if err != nil {
			return err
		}
		err = d.ReplaceHeld(ctx, at, content, was)
		if !errors.Is(err, ErrMoved) || try == swapTries {
			return err
		}
	}
}

// swapTries is how often a swap begins again: whoever races for these files
// waits for a lock, so it is rare that even one is needed.
const swapTries = 8
