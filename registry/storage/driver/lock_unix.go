//go:build unix

package driver

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lockDir holds the file at path for this process, until it ends or unlocks:
// two processes over one directory could not keep a tag immutable.
func lockDir(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("not writable: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.New("in use by another process; stop it, or open read-only")
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f.Close, nil
}

// tryLock takes the lock of the file system on f, which goes with f; false
// where somebody else has it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}

// fencesFiles says that a directory can be shared by processes.
const fencesFiles = true
