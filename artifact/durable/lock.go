package durable

import (
	"errors"
	"fmt"
	"os"

	"github.com/gofrs/flock"
)

// ErrLocked says that another process, or another holder in this one, has the
// lock.
var ErrLocked = errors.New("locked by another process")

// Lock holds the file at path for this caller alone, until it unlocks or its
// process ends, however it ends. A file that is not there is made, for its
// owner's eyes. It does not wait: the error wraps ErrLocked where somebody else
// has it, alone or shared. Any other error, also of a system without such
// locks, means that nothing is held.
func Lock(path string) (unlock func() error, err error) {
	return take(flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR)), (*flock.Flock).TryLock)
}

// LockShared is Lock together with others who share. It makes no file: without
// one the error wraps fs.ErrNotExist.
func LockShared(path string) (unlock func() error, err error) {
	return take(flock.New(path, flock.SetFlag(os.O_RDONLY)), (*flock.Flock).TryRLock)
}

func take(l *flock.Flock, try func(*flock.Flock) (bool, error)) (unlock func() error, err error) {
	held, err := try(l)
	switch {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", l.Path(), err)
	case !held:
		return nil, fmt.Errorf("lock %s: %w", l.Path(), ErrLocked)
	}
	return l.Close, nil
}
