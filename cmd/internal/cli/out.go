package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/oarlock/oarlock/artifact/durable"
)

// writeOut writes the file that the command line names for a result: whole or not
// at all, and to a device or a pipe as it comes. What can be no file, or has no
// directory, is the caller's: errors are those of outArgument.
func writeOut(path string, write func(io.Writer) error) error {
	if err := outArgument(path); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return writeStream(path, write)
	}
	return durable.ReplaceBy(path, 0o644, write)
}

// writeStream writes to what is no regular file, which must not be replaced by one.
func writeStream(path string, write func(io.Writer) error) (err error) {
	// A pipe that nobody reads would hold the open, which no signal ends.
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ENXIO) {
		return usagef("%s: it is a pipe that nobody reads", path)
	}
	if err != nil {
		return err
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	return write(f)
}

// outArgument holds a path to being one that a file can be written to: in a
// directory that is there ("not found" else), and no directory itself (usage).
func outArgument(path string) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usagef("%s: it is a directory, expected a file to write", path)
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return kinded{fmt.Errorf("%s: there is no directory %s", path, dir), fs.ErrNotExist}
	case err != nil || !info.IsDir():
		return usagef("%s: %s is no directory", path, dir)
	}
	return nil
}

// writeAll writes raw as it is.
func writeAll(w io.Writer, raw []byte) error {
	_, err := w.Write(raw)
	return err
}
