//go:build !unix

package driver

import (
	"errors"
	"fmt"
	"os"
)

// lockDir proves that the directory can be written. There is no lock that a
// killed process leaves here, so two processes are for the operator to avoid.
func lockDir(path string) (unlock func() error, err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("not writable: %w", err)
	}
	return f.Close, nil
}

func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }

// fencesFiles says that a directory can be shared by processes.
const fencesFiles = false
