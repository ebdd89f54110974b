//go:build !unix

package backup

import "os"

// lock keeps nobody out where there are no advisory locks.
func lock(path string, alone bool) (unlock func() error, err error) {
	flags := os.O_RDONLY
	if alone {
		flags = os.O_CREATE | os.O_RDWR
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return f.Close, nil
}
