// Package reserve keeps room on a disk for what has to work when the disk is
// full: taking a right away, refusing a version, making room.
//
// The room is a file, because a disk is mostly filled by others: they cannot
// take what a file has. It is given up for an act of safety and taken back as
// soon as there is room for it again; while it is given up, ordinary writes are
// to be refused, or they would take what it left.
//
//	held ── Yield, the disk is nearly full ──▶ yielded
//	held ◀── Refill, there is room again ───── yielded
package reserve

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Name is the file of a reserve in its folder.
const Name = "reserve"

// A Reserve is the room kept in one folder. It is safe for concurrent use; the
// zero Reserve and nil keep none and are never low.
type Reserve struct {
	path string
	size int64

	mu   sync.Mutex
	held bool
	free func(dir string) (int64, error)
}

// Open keeps size bytes in dir, which has to be there. Where there is no room
// for them it gives up what an earlier one kept: a server that starts on a full
// disk needs it. Held says which. A size of 0 keeps nothing, and nil is
// returned where the system cannot say how much is free.
func Open(dir string, size int64) (*Reserve, error) {
	r := &Reserve{path: filepath.Join(dir, Name), size: size, free: freeBytes}
	if size <= 0 {
		err := os.Remove(r.path)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	if _, err := r.free(dir); errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	info, err := os.Stat(r.path)
	r.held = err == nil && info.Size() == size
	if _, err := r.Yield(); err != nil {
		return nil, err
	}
	return r, r.Refill()
}

// Held reports whether the room is kept. It is not while the disk is nearly
// full, and ordinary writes are to be refused then.
func (r *Reserve) Held() bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held
}

// Bytes are what is kept now.
func (r *Reserve) Bytes() int64 {
	if r == nil || r.size == 0 || !r.Held() {
		return 0
	}
	return r.size
}

// Yield gives the room up where the disk has less than a quarter of it left
// besides, for an act of safety that is about to be done.
func (r *Reserve) Yield() (yielded bool, err error) {
	if r == nil {
		return false, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.held {
		return false, nil
	}
	free, err := r.free(filepath.Dir(r.path))
	if err == nil && free >= r.size/4 {
		return false, nil
	}
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("reserve: %w", err)
	}
	r.held = false
	return true, nil
}

// Refill takes the room back where the disk has it, and half of it besides, so
// that it is not given up again at once.
func (r *Reserve) Refill() error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held {
		return nil
	}
	free, err := r.free(filepath.Dir(r.path))
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	if free < r.size+r.size/2 {
		return nil
	}
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	if err := errors.Join(allocate(f, r.size), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("reserve: %w", err), os.Remove(r.path))
	}
	r.held = true
	return nil
}
