//go:build unix

package backup

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/oarlock/oarlock/artifact"
)

// lock holds the file at path until this process ends or unlocks: alone, or
// together with others who read.
func lock(path string, alone bool) (unlock func() error, err error) {
	flags, how := os.O_RDONLY, syscall.LOCK_SH
	if alone {
		flags, how = os.O_CREATE|os.O_RDWR, syscall.LOCK_EX
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("another backup, restore or check uses it: %w", artifact.ErrConflict)
		}
		return nil, fmt.Errorf("lock: %w", err)
	}
	return f.Close, nil
}
