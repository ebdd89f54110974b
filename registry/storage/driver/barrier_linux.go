package driver

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writeBack asks the kernel to begin writing f between two offsets, and gives
// the second back. It is a hint: what fails here fails again when f is synced.
func writeBack(f *os.File, from, to int64) int64 {
	_ = unix.SyncFileRange(int(f.Fd()), from, to-from, unix.SYNC_FILE_RANGE_WRITE)
	return to
}

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
