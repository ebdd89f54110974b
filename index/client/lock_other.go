//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package client

import (
	"errors"
	"os"
)

// tryLock refuses: without a lock two processes could change one store at once.
func tryLock(string) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
