package registry

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openBarrier makes the barrier of the file system that dir is on; close gives
// back what it holds.
func openBarrier(dir string) (b *barrier, closer func() error, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	b = &barrier{sync: func() error {
		for {
			err := unix.Syncfs(int(f.Fd()))
			if !errors.Is(err, unix.EINTR) {
				return err
			}
		}
	}}
	return b, f.Close, nil
}
